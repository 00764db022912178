"""Compares GET /api/metrics/errors at two numbers of stored errors, and with a scan of the rows."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bench._database import own_database
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection, execute, fetch_all
from callwatch.db.core.connect import AnyConnection

FEW = 100_000
MANY = int(os.environ.get("ERRORS", "10_000_000"))
DAYS = 14
GROUPS = 1_000
ROUNDS = 30
OPTIONS = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "4GB", "autovacuum": "off", "shared_buffers": "512MB"}

_GROUPS = """
    INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, type, message, severity, category, count,
                                        first_seen_at, last_seen_at)
    SELECT 1, 'production', '1:' || md5(n::text), 'Type' || n, 'Type' || n, 'message ' || n, 'medium', 'api', 1,
           %(now)s - make_interval(days => %(days)s), %(now)s FROM generate_series(1, %(groups)s) AS n
"""
# Rows are spread evenly over the days and unevenly over the groups, as real errors are: the first of a thousand groups has a
# tenth of all rows. The ids ascend, because creating ten million rows is not what is measured.
_ROWS = """
    INSERT INTO callwatch.error_logs (day, project_id, environment, event_id, group_id, occurred_at, received_at, severity,
                                      category, type, message, endpoint)
    SELECT (at AT TIME ZONE 'UTC')::date, 1, 'production', lpad(to_hex(n), 32, '0')::uuid, kind, at, at,
           (ARRAY['low', 'medium', 'medium', 'high', 'critical'])[1 + (n / 7) %% 5],
           (ARRAY['api', 'database', 'integration', 'validation', 'system'])[1 + (n / 3) %% 5],
           'Type' || kind, 'message ' || n, 'GET /e' || n %% 20
    FROM (SELECT n, %(now)s::timestamptz - n * make_interval(secs => %(seconds)s / %(count)s) AS at,
                 1 + floor(%(groups)s * power(random(), 3))::int AS kind
          FROM generate_series(%(first)s, %(last)s) AS n) AS rows
"""
# The counters that the flush keeps in addition to the rows.
_COUNTERS = """
    INSERT INTO callwatch.error_counts_hourly
        SELECT date_trunc('hour', occurred_at), project_id, environment, severity, category, count(*)
        FROM callwatch.error_logs GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO callwatch.error_counts_by_minute
        SELECT date_trunc('minute', occurred_at), project_id, environment, severity, category, count(*)
        FROM callwatch.error_logs WHERE occurred_at > (SELECT max(occurred_at) FROM callwatch.error_logs) - interval '2 days'
        GROUP BY 1, 2, 3, 4, 5;
    INSERT INTO callwatch.error_counts_by_group
        SELECT date_trunc('hour', occurred_at), project_id, environment, group_id, count(*)
        FROM callwatch.error_logs GROUP BY 1, 2, 3, 4;
    INSERT INTO callwatch.error_counts_by_endpoint
        SELECT date_trunc('hour', occurred_at), project_id, environment, endpoint, count(*), max(occurred_at), max(message)
        FROM callwatch.error_logs GROUP BY 1, 2, 3, 4;
"""
_SCANS = (
    "SELECT severity, category, count(*) FROM callwatch.error_logs WHERE {window} GROUP BY severity, category",
    "SELECT date_trunc('hour', occurred_at), count(*), count(*) FILTER (WHERE severity = 'critical') FROM callwatch.error_logs"
    " WHERE {window} GROUP BY 1 ORDER BY 1",
    "SELECT group_id, count(*) FROM callwatch.error_logs WHERE {window} GROUP BY group_id ORDER BY 2 DESC LIMIT 10",
    "SELECT endpoint, count(*) FROM callwatch.error_logs WHERE {window} GROUP BY endpoint ORDER BY 2 DESC LIMIT 20",
)
_WINDOW = "day >= %(day)s AND occurred_at >= %(since)s AND project_id <> 0"


def main() -> None:
    """Print milliseconds per response at both sizes and of the scan, and the ratios."""
    few_ms, _scan = measure_size(FEW)
    many_ms, scan_ms = measure_size(MANY)
    print(f"{FEW:>12,} errors over {DAYS} days   {few_ms:>8.2f} ms")
    print(f"{MANY:>12,} errors over {DAYS} days   {many_ms:>8.2f} ms   {many_ms / few_ms:.2f} times (at most 1.2)")
    print(f"             the same from the rows   {scan_ms:>8.0f} ms   {scan_ms / many_ms:.0f} times as long (at least 50)")


def measure_size(count: int) -> tuple[float, float]:
    """Return milliseconds of the response from the counters, and of the same figures from the rows, at one size."""
    with own_database(OPTIONS):
        now = datetime.now(UTC)
        with connection() as conn:
            fill(conn, count, now)
            total = read_error_metrics(conn, now)["summary"]["total_24h"]
            assert total is not None
            assert abs(total - count / DAYS) <= count / DAYS / 50 + 5, (total, count / DAYS)
            given = {"since": now - timedelta(days=1), "day": (now - timedelta(days=1)).date()}
            return measure_median_ms(lambda: read_error_metrics(conn, now), ROUNDS), measure_median_ms(
                lambda: scan(conn, given), 3
            )


def fill(conn: AnyConnection, count: int, now: datetime) -> None:
    """Insert rows, groups and counters of `count` errors."""
    execute(conn, _GROUPS, {"now": now, "days": DAYS, "groups": GROUPS})
    step = 1_000_000
    for first in range(1, count + 1, step):
        given = {"first": first, "last": min(count, first + step - 1), "count": count, "seconds": DAYS * 86_400.0}
        execute(conn, _ROWS, {**given, "now": now, "groups": GROUPS})
        conn.commit()
    execute(conn, _COUNTERS)
    conn.commit()
    conn.autocommit = True
    execute(conn, "VACUUM ANALYZE")
    conn.autocommit = False


def scan(conn: AnyConnection, given: Mapping[str, Any]) -> None:
    """Compute the figures of the response from the rows."""
    for statement in _SCANS:
        fetch_all(conn, statement.format(window=_WINDOW), given)


def measure_median_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the median milliseconds of several calls."""
    work()
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
