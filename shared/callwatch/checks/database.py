"""The monitor's own PostgreSQL: does it answer and take writes, how fast, how busy is it."""

import time

import psycopg2

from callwatch.checks.verdict import Verdict
from callwatch.db import connection, fetch_one, pool_statistics
from callwatch.db.connect import Connection
from callwatch.db.failing import is_read_only
from callwatch.db.server import session_figures
from callwatch.exceptions import DatabaseSilent, DatabaseUnavailable, PoolExhausted
from callwatch.settings import Settings

# Slower than this is worth a look; what alerts is the rule's own threshold.
_DEGRADED_MS = 2_000


def check(_settings: Settings, timeout_s: float) -> Verdict:
    """One round trip for the latency, one for what is going on: pool, sessions, longest query, locks, replication; and one
    for whether it takes writes."""
    found = _ask(timeout_s)
    # An idle connection may lead to a server that became a standby meanwhile.
    return _ask(timeout_s) if found.reason == "error" else found


def _ask(timeout_s: float) -> Verdict:
    started = time.perf_counter()
    try:
        with connection(statement_timeout_ms=max(1, round(timeout_s * 1000))) as conn:
            fetch_one(conn, "SELECT 1 AS one")
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            details = {"pool": pool_statistics(), **_activity(conn)}
            if is_read_only(conn):
                conn.close()
                return Verdict("unhealthy", "error", latency_ms, details)
    except PoolExhausted:
        return Verdict("degraded", "timeout", None, {"pool": pool_statistics()})
    except (psycopg2.errors.QueryCanceled, DatabaseSilent):
        return Verdict("unhealthy", "timeout", None)
    except DatabaseUnavailable:
        return Verdict("unhealthy", "unreachable", None)
    if latency_ms > _DEGRADED_MS:
        return Verdict("degraded", "timeout", latency_ms, details)
    return Verdict("healthy", None, latency_ms, details)


def _activity(conn: Connection) -> dict[str, float | None]:
    try:
        return session_figures(conn).values
    except psycopg2.errors.QueryCanceled:
        # It answers; what else it does took too long to tell.
        return {}
