"""Check results: the present state of each service, results by minute, uptime by hour."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.models.check import Reason, Status

RESULTS_KEPT = timedelta(days=7)

_STATES = """
    SELECT service, status, reason, failures, successes, latency_ms, checked_at, since, details
    FROM callwatch.service_states ORDER BY service
"""
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
# A probe stands for the time since the previous one, and for at most a cycle and a half.
_KEEP_RESULT = """
    INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms, outcome, watched_s)
    VALUES (%(service)s, %(at)s, %(status)s, %(reason)s, %(latency_ms)s, %(outcome)s, least(90, coalesce(
        extract(epoch FROM %(at)s::timestamptz - (
            SELECT max(at) FROM callwatch.check_results WHERE service = %(service)s AND at < %(at)s)), 60)))
    ON CONFLICT DO NOTHING RETURNING watched_s
"""
_COUNT_HOUR = """
    INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, degraded, watched_s, worst)
    VALUES (%(service)s, date_trunc('hour', %(at)s::timestamptz, 'UTC'), 1, (%(outcome)s <> 'failed')::int,
        (%(outcome)s = 'degraded')::int, %(watched_s)s, %(status)s)
    ON CONFLICT (service, hour) DO UPDATE SET checked = known.checked + 1, up = known.up + EXCLUDED.up,
        degraded = known.degraded + EXCLUDED.degraded,
        watched_s = coalesce(known.watched_s, 60 * least(known.checked, 60)) + EXCLUDED.watched_s,
        worst = CASE WHEN 'unhealthy' IN (known.worst, EXCLUDED.worst) THEN 'unhealthy'
                     WHEN 'degraded' IN (known.worst, EXCLUDED.worst) THEN 'degraded' ELSE 'healthy' END
"""
# A probe within maintenance is neither up nor down: only its time is counted, apart.
_COUNT_MAINTENANCE = """
    INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, watched_s, maintenance_s, worst)
    SELECT %(service)s, date_trunc('hour', at, 'UTC'), 0, 0, 0, sum(watched_s), 'maintenance'
    FROM callwatch.check_results WHERE service = %(service)s AND at = ANY (%(times)s::timestamptz[]) GROUP BY 2
    ON CONFLICT (service, hour) DO UPDATE SET maintenance_s = known.maintenance_s + EXCLUDED.maintenance_s
"""
_FILL_MAINTENANCE = """
    INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms, outcome, watched_s)
    SELECT %(service)s, at, 'unhealthy', %(reason)s, NULL, 'maintenance', 60
    FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 second', interval '1 minute') AS at
    ON CONFLICT DO NOTHING RETURNING at
"""
_FILL_OUTAGE = """
    WITH made AS (
        INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms, outcome, watched_s)
        SELECT %(service)s, at, 'unhealthy', %(reason)s, NULL, 'failed', 60
        FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 second', interval '1 minute') AS at
        ON CONFLICT DO NOTHING RETURNING at
    )
    INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, watched_s, worst)
    SELECT %(service)s, date_trunc('hour', at, 'UTC'), count(*), 0, 60 * count(*), 'unhealthy' FROM made GROUP BY 2
    ON CONFLICT (service, hour) DO UPDATE SET checked = known.checked + EXCLUDED.checked, worst = 'unhealthy',
        watched_s = coalesce(known.watched_s, 60 * least(known.checked, 60)) + EXCLUDED.watched_s
"""
# An outage begins with the second in which a cycle met it. What that cycle had probed before was still up.
_AFTER_LAST_RESULT = """
    SELECT coalesce(max(at) + interval '1 microsecond', %(since)s) AS at FROM callwatch.check_results
    WHERE service = %(service)s AND at >= %(since)s AND at < %(since)s + interval '1 second' AND status <> 'unhealthy'
"""
_HOUR_WATCHED = "least(3600, coalesce(watched_s, 60 * least(checked, 60)))"
OUTCOME = """coalesce(outcome, CASE WHEN status = 'healthy' THEN 'up' WHEN status = 'unknown' THEN 'unknown'
                                     WHEN reason = 'rate_limited' THEN 'degraded' ELSE 'failed' END)"""
_DAYS = f"""
    SELECT service, (hour AT TIME ZONE 'UTC')::date AS day, sum(checked)::bigint AS checked, sum(up)::bigint AS up,
           sum(degraded)::bigint AS degraded, sum({_HOUR_WATCHED})::float AS watched_s,
           sum(maintenance_s)::float AS maintenance_s,
           (array['healthy', 'degraded', 'unhealthy'])[max(array_position(array['healthy', 'degraded', 'unhealthy'], worst))]
               AS worst
    FROM callwatch.uptime_hours WHERE hour >= %(since)s AND hour <= %(now)s GROUP BY 1, 2
"""
# Whole hours from the counters; the partial hour at the start of a window from its minutes, as long as these are kept.
_WINDOWS = f"""
    SELECT since, service, sum(checked)::bigint AS checked, sum(up)::bigint AS up, sum(degraded)::bigint AS degraded,
           sum(watched_s)::float AS watched_s, sum(maintenance_s)::float AS maintenance_s FROM (
        SELECT since, service, checked, up, degraded, {_HOUR_WATCHED} AS watched_s, maintenance_s
        FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN callwatch.uptime_hours ON hour >= since AND hour <= %(now)s
        UNION ALL
        SELECT since, service, ({OUTCOME} <> 'maintenance')::int, ({OUTCOME} NOT IN ('failed', 'maintenance'))::int,
            ({OUTCOME} = 'degraded')::int, CASE WHEN {OUTCOME} = 'maintenance' THEN 0 ELSE coalesce(watched_s, 60) END,
            CASE WHEN {OUTCOME} = 'maintenance' THEN coalesce(watched_s, 60) ELSE 0 END
        FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN callwatch.check_results
            ON at >= since AND at < date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
        WHERE status <> 'unknown'
    ) AS counted GROUP BY since, service
"""
_RUNS = f"""
    SELECT service, count(*) AS checked, count(*) FILTER (WHERE is_failed) AS failed,
           count(*) FILTER (WHERE is_failed AND was_failed IS NOT TRUE) AS runs
    FROM (
        SELECT service, {OUTCOME} = 'failed' AS is_failed,
               lag({OUTCOME} = 'failed') OVER (PARTITION BY service ORDER BY at) AS was_failed
        FROM callwatch.check_results WHERE at > %(since)s AND at <= %(now)s AND status <> 'unknown'
            AND {OUTCOME} <> 'maintenance'
    ) AS probes GROUP BY service
"""


class ServiceState(TypedDict):
    """The state of a service after its last probe; failures and successes in a row."""

    service: str
    status: Status
    reason: Reason | None
    failures: int
    successes: int
    latency_ms: float | None
    checked_at: datetime
    since: datetime
    details: dict[str, Any]


class NewResult(TypedDict):
    """One result. status: from the status machine. outcome: of the probe itself, from which uptime is computed.

    An unknown outcome, and one within maintenance, is neither up nor down, and does not count in uptime.
    """

    service: str
    status: Status
    reason: Reason | None
    failures: int
    successes: int
    latency_ms: float | None
    at: datetime
    details: Mapping[str, object]
    outcome: str


class UptimeShares(TypedDict):
    """Probes of a service: all, those that succeeded, those that succeeded in a degraded way; the time that they watched.

    maintenance_s: the time of maintenance, which none of these counts.
    """

    service: str
    checked: int
    up: int
    degraded: int
    watched_s: float
    maintenance_s: float


class UptimeDayRow(UptimeShares):
    """Those of a UTC day; worst: the worst status in it; None if all of it was maintenance."""

    day: date
    worst: Status | None


class UptimeWindowRow(UptimeShares):
    """Those since a time."""

    since: datetime


class _FilledRow(TypedDict):
    at: datetime


class FailureRuns(TypedDict):
    """Probes of a service, how many of them failed, and in how many separate runs."""

    service: str
    checked: int
    failed: int
    runs: int


def read_service_states(conn: AnyConnection) -> dict[str, ServiceState]:
    """The stored state of each service by name."""
    return {row["service"]: row for row in fetch_all(conn, _STATES, (), ServiceState)}


def keep_result(conn: AnyConnection, result: NewResult) -> None:
    """Store one result. The caller commits."""
    given = {**result, "details": Json(dict(result["details"]))}
    execute(conn, _KEEP_STATE, given)
    kept = fetch_one(conn, _KEEP_RESULT, given)
    if kept is not None and result["outcome"] == "maintenance":
        execute(conn, _COUNT_MAINTENANCE, {"service": result["service"], "times": [result["at"]]})
    elif kept is not None and result["outcome"] != "unknown":
        execute(conn, _COUNT_HOUR, {**given, **kept})


def fill_outage(
    conn: AnyConnection, service: str, reason: str, since: datetime, until: datetime, is_maintenance: bool = False
) -> None:
    """Store the minutes of an outage in which no result could be stored: unhealthy, each once. The caller commits."""
    earliest = {"service": service, "since": max(since, until - RESULTS_KEPT)}
    begin = fetch_all(conn, _AFTER_LAST_RESULT, earliest, _FilledRow)[0]["at"]
    given = {"service": service, "reason": reason, "since": begin, "until": until}
    if is_maintenance:
        times = [row["at"] for row in fetch_all(conn, _FILL_MAINTENANCE, given, _FilledRow)]
        execute(conn, _COUNT_MAINTENANCE, {"service": service, "times": times})
        return
    execute(conn, _FILL_OUTAGE, given)


def read_uptime_days_since(conn: AnyConnection, since: datetime, now: datetime) -> list[UptimeDayRow]:
    """One row per UTC day and service, of the hours from a time until now."""
    return fetch_all(conn, _DAYS, {"since": since, "now": now}, UptimeDayRow)


def read_uptime_since(conn: AnyConnection, sinces: Sequence[datetime], now: datetime) -> list[UptimeWindowRow]:
    """One row per window and service that was checked in it."""
    return fetch_all(conn, _WINDOWS, {"sinces": list(sinces), "now": now}, UptimeWindowRow)


def count_failure_runs(conn: AnyConnection, since: datetime, now: datetime) -> list[FailureRuns]:
    """One row per service, of its probes after `since`."""
    return fetch_all(conn, _RUNS, {"since": since, "now": now}, FailureRuns)


def delete_old_results(conn: AnyConnection, now: datetime) -> None:
    """Delete results by minute after 7 days, and uptime by hour after 100."""
    execute(conn, "DELETE FROM callwatch.check_results WHERE at < %s", (now - RESULTS_KEPT,))
    execute(conn, "DELETE FROM callwatch.uptime_hours WHERE hour < %s", (now - timedelta(days=100),))
