"""What checks found: the present state of each service, results by minute, uptime by hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from psycopg2.extras import Json

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

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
_HOURS = "SELECT service, hour, checked, up, worst FROM callwatch.uptime_hours WHERE hour >= %s ORDER BY service, hour"
_RESULTS = """
    SELECT service, at, status, latency_ms FROM callwatch.check_results WHERE at >= %s ORDER BY service, at
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
    execute(conn, _KEEP_RESULT, given)
    if result["status"] != "unknown":
        execute(conn, _COUNT_HOUR, given)


def uptime_hours_since(conn: AnyConnection, since: datetime) -> list[dict[str, Any]]:
    """Rows service, hour, checked, up, worst."""
    return fetch_all(conn, _HOURS, (since,))


def results_since(conn: AnyConnection, since: datetime) -> list[dict[str, Any]]:
    """Rows service, at, status, latency_ms, oldest first."""
    return fetch_all(conn, _RESULTS, (since,))


def delete_old_results(conn: AnyConnection, now: datetime) -> None:
    """Results by minute are kept for 7 days, uptime by hour for 100."""
    execute(conn, "DELETE FROM callwatch.check_results WHERE at < %s", (now - timedelta(days=7),))
    execute(conn, "DELETE FROM callwatch.uptime_hours WHERE hour < %s", (now - timedelta(days=100),))
