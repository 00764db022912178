"""The monitor's own PostgreSQL: does it answer, how fast, how busy is it."""

import time

from callwatch.checks.verdict import Verdict
from callwatch.db import connection, fetch_one, pool_statistics
from callwatch.exceptions import DatabaseUnavailable, PoolExhausted
from callwatch.settings import Settings

# Slower than this is worth a look; what alerts is the rule's own threshold.
_DEGRADED_MS = 2_000
_ACTIVITY = """
    SELECT count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE state = 'idle') AS idle,
           current_setting('max_connections')::int AS max,
           max(extract(epoch FROM now() - query_start)) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid())
               AS longest_query_s,
           count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_for_locks
    FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


def check(_settings: Settings, timeout_s: float) -> Verdict:
    """One round trip for the latency, one for what is going on."""
    started = time.perf_counter()
    try:
        with connection(statement_timeout_ms=max(1, round(timeout_s * 1000))) as conn:
            fetch_one(conn, "SELECT 1")
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            activity = fetch_one(conn, _ACTIVITY) or {}
    except PoolExhausted:
        return Verdict("degraded", "timeout", None, {"pool": pool_statistics()})
    except DatabaseUnavailable:
        elapsed_s = time.perf_counter() - started
        return Verdict("unhealthy", "timeout" if elapsed_s >= timeout_s else "unreachable", None)
    is_slow = latency_ms > _DEGRADED_MS
    details = {"pool": pool_statistics(), **{name: _number(value) for name, value in activity.items()}}
    return Verdict("degraded" if is_slow else "healthy", "timeout" if is_slow else None, latency_ms, details)


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
