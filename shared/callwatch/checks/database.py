"""Checks the monitor's own PostgreSQL: whether it responds and accepts writes, how fast, and how busy it is.

A server without a free connection does respond, so it is degraded with the reason `saturated`, not down. That is so, too,
where this process holds a connection of its own: the next client gets none.
"""

import time

import psycopg2

from callwatch.checks.probe_result import ProbeResult
from callwatch.db import connection, fetch_one, read_pool_statistics
from callwatch.db.core.connect import Connection, is_saturated
from callwatch.db.core.db_errors import explain_no_writes
from callwatch.db.core.server import Sessions, has_no_free_session, read_sessions
from callwatch.exceptions import DatabaseSaturated, DatabaseSilent, DatabaseUnavailable, PoolExhausted
from callwatch.settings import Settings

# Slower than this is degraded; the rule's own threshold decides on the alert.
_DEGRADED_MS = 2_000


def check(_settings: Settings, timeout_s: float) -> ProbeResult:
    """Make one round trip for the latency, one for the activity (pool, sessions, longest query, locks, replication), and
    one for whether the server accepts writes."""
    found = _ask(timeout_s)
    # An idle connection may belong to a server that has become a standby.
    return _ask(timeout_s) if found.reason == "error" else found


def _ask(timeout_s: float) -> ProbeResult:
    started = time.perf_counter()
    try:
        with connection(statement_timeout_ms=max(1, round(timeout_s * 1000))) as conn:
            fetch_one(conn, "SELECT 1 AS one")
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            sessions = _read_activity(conn)
            details = {"pool": read_pool_statistics(), **(sessions or {})}
            if explain_no_writes(conn) is not None:
                conn.close()
                return ProbeResult("unhealthy", "error", latency_ms, details)
    except PoolExhausted:
        return ProbeResult("degraded", "timeout", None, {"pool": read_pool_statistics()})
    except DatabaseSaturated:
        return ProbeResult("degraded", "saturated", None, {"pool": read_pool_statistics()})
    except (psycopg2.errors.QueryCanceled, DatabaseSilent):
        return ProbeResult("unhealthy", "timeout", None)
    except DatabaseUnavailable:
        return ProbeResult("unhealthy", "unreachable", None)
    except psycopg2.Error as error:
        if is_saturated(error):
            return ProbeResult("degraded", "saturated", None, {"pool": read_pool_statistics()})
        raise
    if sessions is not None and has_no_free_session(sessions):
        return ProbeResult("degraded", "saturated", latency_ms, details)
    if latency_ms > _DEGRADED_MS:
        return ProbeResult("degraded", "timeout", latency_ms, details)
    return ProbeResult("healthy", None, latency_ms, details)


def _read_activity(conn: Connection) -> Sessions | None:
    try:
        return read_sessions(conn).values
    except psycopg2.errors.QueryCanceled:
        # The server responds; only its activity took too long to read.
        return None
