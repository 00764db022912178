"""Product reports: each field against the written rows, and what a cycle stores of a reading."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.db import connection, execute, fetch_all
from callwatch.models.reason import Reason
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.measure_step import _keep_product, _read_product
from callwatch.pipeline.indexes import INDEXES, list_index_samples
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.jobs import build_job_metrics
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.status import build_status
from callwatch.settings import get_settings
from callwatch.tracker import error_tracker
from simulator import product

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def tables(database: str) -> Iterator[Any]:
    """Yield an autocommit cursor on a database with the product's tables."""
    conn = psycopg2.connect(database)
    conn.autocommit = True
    product.create_tables(conn)
    with conn.cursor() as cursor:
        yield cursor
    conn.close()


def recording(cursor: Any, created: float, processed: float | None = None, error: str | None = None, attempts: int = 1) -> None:
    """Insert a row of the recordings queue, due since its creation; times in minutes before now."""
    ago = [None if minutes is None else NOW - minutes * MINUTE for minutes in (created, processed)]
    cursor.execute(
        "INSERT INTO pending_recordings (call_id, attempts, created_at, scheduled_for, processed_at, last_error)"
        " VALUES ('c', %s, %s, %s, %s, %s)",
        (attempts, ago[0], ago[0], ago[1], error),
    )


def transcription(cursor: Any, status: str, created: float, started: float | None = None, done: float | None = None) -> None:
    times = [None if minutes is None else NOW - minutes * MINUTE for minutes in (created, started, done)]
    cursor.execute(
        "INSERT INTO transcription_queue (call_id, recording_url, status, attempts, created_at, started_at, completed_at)"
        " VALUES (gen_random_uuid(), 'u', %s, 3, %s, %s, %s)",
        (status, *times),
    )


def test_every_figure_of_the_recordings_queue(tables: Any) -> None:
    for took in (2, 4, 6):
        recording(tables, 30 + took, 30)
    recording(tables, 600, 590)
    recording(tables, 500, 20, "not found")
    recording(tables, 25, attempts=0)
    recording(tables, 20, attempts=12)
    recording(tables, 5)
    stage: Any = build_pipeline(get_settings(), NOW)["stages"][0]
    expected: dict[str, Any] = {"pending": 3, "failed": 1, "dead": 1, "completed_last_hour": 3, "zombie": 1, "success_rate": 0.75}
    expected |= {"p50_s": 240, "p95_s": 348, "throughput_per_minute": 0.05, "oldest_pending_at": NOW - 25 * MINUTE}
    assert {name: stage[name] for name in expected} == expected
    jobs = build_job_metrics(get_settings(), NOW)
    assert jobs["recording_queue"] == {
        "total": 8, "pending": 3, "processing": None, "completed": 4, "failed": 1, "retry_pending": 2, "stale_count": 2,
        "avg_processing_time_ms": 330_000, "oldest_pending": NOW - 25 * MINUTE,
    }  # fmt: skip
    assert jobs["backlog"] == {"recordings_backlog_hours": 0.42, "transcriptions_backlog_hours": 0.0, "critical_backlog": True}
    shown = build_status(get_settings(), NOW, 1)
    assert shown["services"]["queues"]["recordings"] == {"pending": 3, "processing": None, "failed": 1, "stale": 2}
    assert shown["recent_activity"]["recordings_fetched_last_hour"] == 3


def test_every_figure_of_the_transcription_queue(tables: Any) -> None:
    for took in (1, 2, 3):
        transcription(tables, "completed", 40, 10 + took, 10)
    transcription(tables, "failed", 30, 25)
    transcription(tables, "processing", 20, 15)
    transcription(tables, "processing", 20, 2)
    transcription(tables, "pending", 12)
    stage: Any = build_pipeline(get_settings(), NOW)["stages"][1]
    expected: dict[str, Any] = {
        "pending": 1,
        "processing": 2,
        "failed": 1,
        "dead": 1,
        "completed_last_hour": 3,
        "stuck": 1,
        "zombie": 1,
    }
    expected |= {
        "completed_last_hour": 3,
        "false_success": 3,
        "orphan": 0,
        "success_rate": 0.75,
        "p50_s": 120,
        "oldest_pending_at": NOW - 12 * MINUTE,
    }
    assert {name: stage[name] for name in expected} == expected
    jobs = build_job_metrics(get_settings(), NOW)["transcription_queue"]
    assert jobs == {
        "total": 7, "pending": 1, "processing": 2, "completed": 3, "failed": 1, "avg_duration_seconds": 120, "success_rate": 0.75,
    }  # fmt: skip


def test_every_figure_of_the_analyses(tables: Any) -> None:
    for number, (age, took) in enumerate([(50, 1), (50, 3), (45, None), (5, None), (3000, None)]):
        key = f"00000000-0000-4000-8000-00000000000{number}"
        tables.execute("INSERT INTO transcripts (call_id, created_at) VALUES (%s, %s)", (key, NOW - age * MINUTE))
        if took:
            tables.execute("INSERT INTO analyses (call_id) VALUES (%s)", (key,))
            event = (key, NOW - (age - took) * MINUTE)
            tables.execute("INSERT INTO call_events (call_id, type, at) VALUES (%s, 'analyzed', %s)", event)
    tables.execute("INSERT INTO call_events (type, at) VALUES ('analysis_failed', %s)", (NOW - 300 * MINUTE,))
    stage: Any = build_pipeline(get_settings(), NOW)["stages"][2]
    expected: dict[str, Any] = {"pending": 2, "stuck": 1, "failed": 1, "completed_last_hour": 2, "success_rate": 1, "p50_s": 120}
    assert {name: stage[name] for name in expected} == expected
    jobs = build_job_metrics(get_settings(), NOW)
    assert jobs["analysis_jobs"] == {"total_last_hour": 2, "completed": 2, "failed": 1, "avg_analysis_time_ms": 120_000}
    assert jobs["throughput"]["analyses_per_minute"] == 0.033


def test_empty_product_has_zeros_or_reasons(tables: Any) -> None:
    answer = build_pipeline(get_settings(), NOW)
    stage = answer["stages"][0]
    assert (stage["pending"], stage["completed_last_hour"], stage["throughput_per_minute"]) == (0, 0, 0)
    unknown = answer["unknown"]
    assert unknown["stages.0.oldest_pending_at"] == Reason("none", "nothing pending")
    assert unknown["stages.0.success_rate"] == Reason("no_traffic", "nothing finished in the last hour")
    assert unknown["stages.0.p50_s"] == Reason("no_traffic", "nothing was completed in the window")
    assert unknown["freshness.last_call_at"] == Reason("none", "there is no call yet")
    assert unknown["freshness.expected_per_hour"] == Reason("none", "there is no call yet")
    assert unknown["recording_availability"] == Reason("no_traffic", "no traffic in the window")
    assert unknown["crons.0.last_ok_at"] == Reason("missing", "no heartbeat of the cron was ever recorded")
    assert answer["freshness"]["actual_last_hour"] == 0


def test_crons_and_fields_show_as_they_are(tables: Any) -> None:
    tables.execute("INSERT INTO cron_heartbeats VALUES ('batch', %s, 'ok'), ('backfill', %s, 'ok')", (NOW - 11 * MINUTE, NOW))
    for number in range(4):
        tables.execute(
            "INSERT INTO calls (source, agent_name, created_at, ended_at, recording_url) VALUES ('convoso', %s, %s, %s, %s)",
            ("agent" if number else None, NOW - 30 * MINUTE, NOW - 30 * MINUTE, "u" if number % 2 else None),
        )
    answer: Any = build_pipeline(get_settings(), NOW)
    crons = {cron["name"]: cron for cron in answer["crons"]}
    assert crons["batch"] == {"name": "batch", "period_s": 300, "last_ok_at": NOW - 11 * MINUTE, "is_late": True}
    assert crons["backfill"]["is_late"] is False
    assert answer["recording_availability"] == 0.5
    assert answer["field_completeness"]["agent_name"] == 0.75
    assert answer["field_completeness_by_source"]["convoso"]["agent_name"] == 0.75
    assert (answer["freshness"]["last_call_at"], answer["freshness"]["actual_last_hour"]) == (NOW - 30 * MINUTE, 4)


def test_a_cycle_keeps_depths_and_leaves_out_what_is_unknown(tables: Any) -> None:
    recording(tables, 5)
    tables.execute("DROP TABLE transcription_queue")
    cycle = Cycle(now=NOW, deadline=0.0)
    _read_product(cycle)
    with connection() as conn:
        _keep_product(conn, cycle)
        kept = {(row["stage"], row["figure"]): row["value"] for row in fetch_all(conn, "SELECT * FROM callwatch.stage_minutes")}
    assert kept == {
        ("recordings", "pending"): 1, ("recordings", "completed"): 0, ("analyses", "pending"): 0, ("analyses", "completed"): 0,
    }  # fmt: skip


def test_error_while_measuring_is_captured_with_its_figure(tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[dict[str, Any]] = []

    def capture(error: BaseException, *_given: Any) -> None:
        captured.append({"error": type(error).__name__, **_given[-1]})

    monkeypatch.setattr(error_tracker, "track_error", capture)
    tables.execute("ALTER TABLE calls RENAME TO calls_of_all")
    tables.execute("CREATE VIEW calls AS SELECT *, 1 / 0 AS never FROM calls_of_all WHERE length(source) / 0 > 0")
    tables.execute("INSERT INTO calls_of_all (source, created_at) VALUES ('x', %s)", (NOW - MINUTE,))
    answer = build_pipeline(get_settings(), NOW)
    assert answer["unknown"]["freshness.actual_last_hour"].message == "calls cannot be read (SQLSTATE 22012)"
    assert {"error": "DivisionByZero", "service": "callwatch", "endpoint": "measure freshness"} in captured
    assert answer["stages"][0]["pending"] == 0


def test_advice_on_large_tables_ends_with_a_usable_index() -> None:
    stages = get_stages(None)

    def advised(size: int, *definitions: str) -> set[str]:
        measured = Measured(NOW)
        rows = [{"table_name": "transcription_queue", "bytes": size, "name": d.split()[2], "definition": d} for d in definitions]
        measured.rows[INDEXES] = rows
        return {sample.labels["index"] for sample in list_index_samples(stages, measured)}

    key = "CREATE UNIQUE INDEX transcription_queue_pkey ON public.transcription_queue USING btree (id)"
    large = 64 * 1024 * 1024
    assert advised(8192, key) == set()
    found = advised(large, key)
    assert found == {f"callwatch_transcriptions_{name}" for name in ("pending", "processing", "completed", "failed", "unlisted")}
    other = (
        "CREATE INDEX waiting ON public.transcription_queue USING btree (created_at, attempts, priority)"
        " WHERE ((status)::text = 'pending'::text)"
    )
    whole = "CREATE INDEX started ON public.transcription_queue USING btree (started_at)"
    named = "CREATE INDEX callwatch_transcriptions_failed ON public.transcription_queue USING btree (started_at)"
    assert advised(large, key, other, whole, named) == found - {
        "callwatch_transcriptions_pending",
        "callwatch_transcriptions_failed",
    }


def test_the_advised_statements_run_and_are_then_found(tables: Any) -> None:
    stages = get_stages(None)
    measured = Measured(NOW)
    measured.rows[INDEXES] = [
        {"table_name": advised["table"], "bytes": 1 << 30, "name": None, "definition": None} for advised in stages.indexes
    ]
    statements = {sample.detail for sample in list_index_samples(stages, measured)}
    assert len(statements) == len(stages.indexes)
    for statement in statements:
        tables.execute(statement)
    with connection() as conn:
        assert execute(conn, "SELECT FROM pg_indexes WHERE indexname LIKE 'callwatch\\_%%'") == len(statements)


def test_call_without_an_end_is_evaluated_after_two_hours(tables: Any) -> None:
    for minutes, url in ((30, "u"), (40, "u"), (180, "u"), (200, None), (220, None), (240, None)):
        tables.execute(
            "INSERT INTO calls (source, created_at, recording_url) VALUES ('x', %s, %s)", (NOW - minutes * MINUTE, url)
        )
    assert build_pipeline(get_settings(), NOW)["recording_availability"] == 0.25
    tables.execute("ALTER TABLE calls DROP COLUMN ended_at")
    assert build_pipeline(get_settings(), NOW)["recording_availability"] == 0.25
