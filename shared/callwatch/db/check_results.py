"""What checks found: the present state of each service, results by minute, uptime by hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg2.extras import Json

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

RESULTS_KEPT = timedelta(days=7)

_STATES = "SELECT * FROM callwatch.service_states ORDER BY service"
_KEEP_STATE = """
    INSERT INTO callwatch.service_states AS known
        (service, status, reason, failures, successes, latency_ms, checked_at, since, details)
    VALUES (%(service)s, %(status)s, %(reason)s, %(failures)s, %(successes)s, %(latency_ms)s, %(at)s, %(at)s, %(details)s)
    ON CONFLICT (service) DO UPDATE SET
        status = EXCLUDED.status, reason = EXCLUDED.reason, failures = EXCLUDED.failures,
        successes = EXCLUDED.successes, latency_ms = EXCLUDED.latency_ms, checked_at = EXCLUDED.checked_at,
        details = EXCLUDED.details,
        since = CASE WHEN known.status = EXCLUDED.status THEN known.since ELSE EXCLUDED.since END
"""
_KEEP_RESULT = """
    INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms)
    VALUES (%(service)s, %(at)s, %(status)s, %(reason)s, %(latency_ms)s) ON CONFLICT DO NOTHING
"""
_COUNT_HOUR = """
    INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, worst)
    VALUES (%(service)s, date_trunc('hour', %(at)s::timestamptz, 'UTC'), 1, %(up)s, %(status)s)
    ON CONFLICT (service, hour) DO UPDATE SET checked = known.checked + 1, up = known.up + EXCLUDED.up,
        worst = CASE WHEN 'unhealthy' IN (known.worst, EXCLUDED.worst) THEN 'unhealthy'
                     WHEN 'degraded' IN (known.worst, EXCLUDED.worst) THEN 'degraded' ELSE 'healthy' END
"""
_FILL_OUTAGE = """
    WITH made AS (
        INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms)
        SELECT %(service)s, at, 'unhealthy', %(reason)s, NULL
        FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 second', interval '1 minute') AS at
        ON CONFLICT DO NOTHING RETURNING at
    )
    INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, worst)
    SELECT %(service)s, date_trunc('hour', at, 'UTC'), count(*), 0, 'unhealthy' FROM made GROUP BY 2
    ON CONFLICT (service, hour) DO UPDATE SET checked = known.checked + EXCLUDED.checked, worst = 'unhealthy'
"""
_DAYS = """
    SELECT service, (hour AT TIME ZONE 'UTC')::date AS day, sum(checked)::bigint AS checked, sum(up)::bigint AS up,
           (array['healthy', 'degraded', 'unhealthy'])[max(array_position(array['healthy', 'degraded', 'unhealthy'], worst))]
               AS worst
    FROM callwatch.uptime_hours WHERE hour >= %s GROUP BY 1, 2
"""
# Whole hours from the counters; the part of one in which a window begins by its minutes, as long as these are kept.
_WINDOWS = """
    SELECT since, service, sum(checked)::bigint AS checked, sum(up)::bigint AS up FROM (
        SELECT since, service, checked, up
        FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN callwatch.uptime_hours ON hour >= since
        UNION ALL
        SELECT since, service, 1, (status <> 'unhealthy')::int
        FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN callwatch.check_results
            ON at >= since AND at < date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
        WHERE status <> 'unknown'
    ) AS counted GROUP BY since, service
"""
_DOWN = """
    SELECT since, service, count(*) AS checked, count(*) FILTER (WHERE status = 'unhealthy') AS down
    FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN callwatch.check_results ON at >= since
    WHERE status <> 'unknown' AND service = ANY (%(services)s) GROUP BY since, service
"""


def service_states(conn: AnyConnection) -> dict[str, dict[str, Any]]:
    """The stored state of each service by name."""
    return {row["service"]: row for row in fetch_all(conn, _STATES)}


def keep_result(conn: AnyConnection, result: Mapping[str, Any]) -> None:
    """Keep one result: service, status, reason, failures, successes, latency_ms, at, details. The caller commits.

    Unknown is neither up nor down, and counts for no uptime.
    """
    given = {**result, "details": Json(dict(result["details"])), "up": int(result["status"] != "unhealthy")}
    execute(conn, _KEEP_STATE, given)
    is_new = execute(conn, _KEEP_RESULT, given) == 1
    if is_new and result["status"] != "unknown":
        execute(conn, _COUNT_HOUR, given)


def fill_outage(conn: AnyConnection, service: str, reason: str, since: datetime, until: datetime) -> None:
    """Keep the minutes of an outage in which no result could be stored: unhealthy, each once. The caller commits."""
    begin = max(since, until - RESULTS_KEPT)
    execute(conn, _FILL_OUTAGE, {"service": service, "reason": reason, "since": begin, "until": until})


def uptime_days_since(conn: AnyConnection, since: datetime) -> list[dict[str, Any]]:
    """Rows service, day (UTC), checked, up, worst, of the hours from a time on."""
    return fetch_all(conn, _DAYS, (since,))


def uptime_since(conn: AnyConnection, sinces: Sequence[datetime]) -> list[dict[str, Any]]:
    """Rows since, service, checked, up: one per window and service that was checked in it."""
    return fetch_all(conn, _WINDOWS, {"sinces": list(sinces)})


def down_since(conn: AnyConnection, sinces: Sequence[datetime], services: Sequence[str]) -> list[dict[str, Any]]:
    """Rows since, service, checked, down, from the results by minute."""
    return fetch_all(conn, _DOWN, {"sinces": list(sinces), "services": list(services)})


def delete_old_results(conn: AnyConnection, now: datetime) -> None:
    """Results by minute are kept for 7 days, uptime by hour for 100."""
    execute(conn, "DELETE FROM callwatch.check_results WHERE at < %s", (now - RESULTS_KEPT,))
    execute(conn, "DELETE FROM callwatch.uptime_hours WHERE hour < %s", (now - timedelta(days=100),))
