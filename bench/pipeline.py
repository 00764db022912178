"""Measures the product queries at a million rows in each large table, without and with the advised indexes."""

import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from callwatch.db import product_connection, reset_pool
from callwatch.pipeline.indexes import render_statement
from callwatch.pipeline.product import build_all_readings, measure, select_for_cycle
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.schema import Schema, bind, look
from callwatch.pipeline.queries.time_bounds import compute_moments
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import reset_settings
from local.postgres import server as postgres
from simulator import product

ROWS = 1_000_000
ROUNDS = 5
# Counts and times of a queue, which the cycle reads every minute.
QUEUE_FIGURES = (
    "pending", "processing", "overdue", "due", "due_since", "stuck", "zombie", "oldest_pending", "completed_last_hour",
    "completed_10m", "failed_last_hour", "dead_last_hour",
)  # fmt: skip
# A call every eight seconds for over ninety days; the latest few are still in progress.
AGE = "%(now)s::timestamptz - n * interval '8 seconds'"
ID = "('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
FILL = (
    f"INSERT INTO calls (id, source, call_id, agent_name, created_at, started_at, ended_at, recording_url, metadata)"
    f" SELECT {ID}, 'convoso', n::text, 'agent', {AGE}, {AGE}, {AGE}, 'https://recordings.example.com/' || n, '{{}}' FROM series",
    f"INSERT INTO pending_recordings (call_id, attempts, created_at, scheduled_for, processed_at, last_error)"
    f" SELECT n::text, 1, {AGE}, {AGE}, CASE WHEN n > 60 THEN {AGE} + interval '3 minutes' END,"
    f" CASE WHEN n % 200 = 0 THEN 'recording not found' END FROM series",
    f"INSERT INTO transcription_queue (call_id, recording_url, status, attempts, created_at, started_at, completed_at)"
    f" SELECT {ID}, 'https://recordings.example.com/' || n, CASE WHEN n <= 30 THEN 'pending' WHEN n <= 33 THEN 'processing'"
    f" WHEN n % 500 = 0 THEN 'failed' ELSE 'completed' END, 1, {AGE}, {AGE} + interval '20 seconds',"
    f" CASE WHEN n > 33 AND n % 500 > 0 THEN {AGE} + interval '1 minute' END FROM series",
    f"INSERT INTO transcripts (call_id, engine, created_at)"
    f" SELECT {ID}, 'deepgram', {AGE} + interval '1 minute' FROM series WHERE n > 33",
    f"INSERT INTO analyses (call_id, qa_score) SELECT {ID}, 80 FROM series WHERE n > 40",
    f"INSERT INTO call_events (call_id, type, at) SELECT {ID}, 'analyzed', {AGE} + interval '2 minutes' FROM series WHERE n > 40",
    f"INSERT INTO webhook_logs (endpoint, method, response_status, created_at)"
    f" SELECT '/webhooks', 'POST', 200, {AGE} FROM series",
)  # fmt: skip


def main() -> None:
    """Print the time of each queue figure and of all queries of a cycle, without and with the advised indexes."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder, {"fsync": "off", "max_wal_size": "4GB", "autovacuum": "off"})
    os.environ["DATABASE_URL"] = server.dsn
    reset_settings()
    now = datetime.now(UTC)
    try:
        fill(server.dsn, now)
        without = measure_times(now)
        told = list_advice(now)
        print(f"{len(told)} indexes are missing and advised; made now, by hand")
        run(server.dsn, *told, "VACUUM ANALYZE")
        report(without, measure_times(now))
        assert not list_advice(now), "what was advised is what is looked for"
    finally:
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fill(dsn: str, now: datetime, rows: int = ROWS) -> None:
    """Insert calls and their results."""
    with psycopg2.connect(dsn) as conn:
        product.create_tables(conn)
        with conn.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE series AS SELECT generate_series(1, %s) AS n", (rows,))
            for statement in FILL:
                cursor.execute(statement.replace("n % ", "n %% "), {"now": now})
    conn.close()
    run(dsn, "VACUUM ANALYZE")


def run(dsn: str, *statements: str) -> None:
    """Run statements outside a transaction."""
    conn = psycopg2.connect(dsn)
    conn.autocommit = True
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    conn.close()


def measure_times(now: datetime) -> dict[str, float]:
    """Return the median milliseconds per query, and of all queries of the cycle as "whole"."""
    stages = get_stages(None)
    found = {}
    with product_connection(statement_timeout_ms=60_000) as conn:
        readings = [reading for reading in build_all_readings(stages) if not reading.none]
        schema = look(conn, product.TABLES)
        for reading in readings:
            found[reading.name] = statistics.median(measure_reading(conn, reading, schema, now) for _round in range(ROUNDS))
        conn.rollback()
    with product_connection() as conn:
        whole = []
        for _round in range(ROUNDS):
            started = time.perf_counter()
            measured = measure(conn, now, "UTC", stages, select_for_cycle(stages))
            whole.append((time.perf_counter() - started) * 1000)
        found["whole"] = statistics.median(whole)
    print(f"  {len(measured.values)} figures read, too slow: {', '.join(measured.errors) or 'none'}")
    return found


def measure_reading(conn: Any, reading: Reading, schema: Schema, now: datetime) -> float:
    """Return the milliseconds of one statement, measured by the client."""
    given = {"now": now, "timezone": "UTC", **compute_moments(reading.sql, now), **reading.params}
    started = time.perf_counter()
    with conn.cursor() as cursor:
        cursor.execute(bind(reading.sql, schema), given)
        cursor.fetchall()
    return (time.perf_counter() - started) * 1000


def list_advice(now: datetime) -> list[str]:
    """Return the statements that the monitor advises."""
    stages = get_stages(None)
    with product_connection() as conn:
        measured: Measured = measure(conn, now, "UTC", stages, lambda _name: False)
    told = [sample.detail or "" for sample in list_product_samples(stages, measured) if sample.metric == "schema.index_missing"]
    assert set(told) <= {render_statement(advised) for advised in stages.indexes}
    return told


def report(without: dict[str, float], with_indexes: dict[str, float]) -> None:
    """Print the table and the targets."""
    queues = [f"{queue}.{figure}" for queue in ("recordings", "transcriptions") for figure in QUEUE_FIGURES]
    read = [name for name in queues if name in with_indexes]
    print(f"{'':36}{'without':>12}{'with':>10}{'ratio':>8}")
    others = sorted(set(with_indexes) - set(read) - {"whole"}, key=lambda name: -with_indexes[name])[:8]
    for name in (*read, *others, "whole"):
        print(f"{name:36}{without[name]:>9.1f} ms{with_indexes[name]:>7.2f} ms{without[name] / with_indexes[name]:>7.0f}x")
    slowest = max(read, key=lambda name: with_indexes[name])
    print(f"slowest queue figure with indexes    {with_indexes[slowest]:.2f} ms   (at most 1; {slowest})")
    print(f"all queue figures, ratio             {sum(without[n] for n in read) / sum(with_indexes[n] for n in read):.0f}x")
    print(f"whole reading of a cycle             {with_indexes['whole']:.0f} ms   (below 1,000)")
