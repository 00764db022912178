"""Rows with impossible times: outside every window, counted separately, and named where they make something unknown."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.api.http import Page, decode_cursor
from callwatch.db import product_connection
from callwatch.models.sample import Sample
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.pipeline.product import measure
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.items.listing import list_stage_items
from callwatch.reports.jobs import build_job_metrics
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.status import build_status
from callwatch.settings import get_settings
from simulator import product
from tests.incidents.judge import find_sample, firing

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
EARLY = ("0001-01-01 00:00:00+00", "4713-01-01 00:00:00+00 BC", "-infinity", "1970-01-01 00:00:00+00")
AHEAD = ("infinity", "294276-12-31 23:59:59+00", "58870-01-01 00:00:00+00", "6 minutes ahead")


@pytest.fixture
def tables(database: str) -> Iterator[Any]:
    """Yield an autocommit cursor on a database with the product's tables."""
    conn = psycopg2.connect(database)
    conn.autocommit = True
    product.create_tables(conn)
    with conn.cursor() as cursor:
        yield cursor
    conn.close()


def as_time(value: Any) -> Any:
    """Return a time, or minutes from now: test parameters must not differ between processes."""
    minutes, _space, rest = str(value).partition(" ")
    return NOW + int(minutes) * MINUTE if rest == "minutes ahead" else value


def read_samples() -> list[Sample]:
    stages = get_stages(None)
    with product_connection() as conn:
        return list_product_samples(stages, measure(conn, NOW, "UTC", stages))


def add_recording(cursor: Any, scheduled_for: Any, created_at: Any = NOW - 5 * MINUTE, processed_at: Any = None) -> int:
    cursor.execute(
        "INSERT INTO pending_recordings (call_id, created_at, scheduled_for, processed_at) VALUES ('c', %s, %s, %s) RETURNING id",
        (as_time(created_at), as_time(scheduled_for), processed_at),
    )
    return int(cursor.fetchone()[0])


def add_transcription(cursor: Any, status: str, created_at: Any, started_at: Any = None, completed_at: Any = None) -> int:
    cursor.execute(
        "INSERT INTO transcription_queue (call_id, recording_url, status, created_at, started_at, completed_at)"
        " VALUES (gen_random_uuid(), 'u', %s, %s, %s, %s) RETURNING id",
        (status, created_at, as_time(started_at), as_time(completed_at)),
    )
    return int(cursor.fetchone()[0])


def odd_rows(answer: Pipeline, table: str, column: str) -> tuple[int | None, int | None]:
    (found,) = [row for row in answer["odd_rows"] if (row["table"], row["column"]) == (table, column)]
    return found["in_future"], found["unreadable"]


@pytest.mark.parametrize("completed_at", AHEAD)
def test_a_future_completion_hides_no_stopped_queue(tables: Any, completed_at: str) -> None:
    add_transcription(tables, "pending", NOW - 30 * MINUTE)
    add_transcription(tables, "completed", NOW - 40 * MINUTE, NOW - 35 * MINUTE, completed_at)
    samples = read_samples()
    assert find_sample(samples, "pipeline.stopped", stage="transcriptions").value == 1
    assert find_sample(samples, "product.clock_skew", column="completed_at").value == 1
    assert {"pipeline_stopped", "clock_skew"} <= set(firing(samples, NOW))
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][1]["completed_last_hour"] == 0
    assert odd_rows(answer, "transcription_queue", "completed_at") == (1, 0)


def test_a_completion_within_the_tolerance_counts(tables: Any) -> None:
    add_transcription(tables, "completed", NOW - 10 * MINUTE, NOW - 9 * MINUTE, NOW + 4 * MINUTE)
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][1]["completed_last_hour"] == 1
    assert odd_rows(answer, "transcription_queue", "completed_at") == (0, 0)


@pytest.mark.parametrize("scheduled_for", EARLY)
def test_an_unreadable_schedule_is_unknown_with_its_key(tables: Any, scheduled_for: str) -> None:
    key = add_recording(tables, scheduled_for)
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][0]["pending"] == 1
    jobs = build_job_metrics(get_settings(), NOW)
    for name in ("recording_queue.stale_count", "backlog.recordings_backlog_hours"):
        why = jobs["unknown"][name]
        assert (why.code, f"row {key} " in why.message) == ("unavailable", True), name
    assert answer["stages"][0]["undated"] == 1
    assert odd_rows(answer, "pending_recordings", "scheduled_for") == (0, 1)
    assert "unreadable_times" in firing(read_samples(), NOW)


def test_overdue_work_fires_in_spite_of_an_odd_row(tables: Any) -> None:
    add_recording(tables, EARLY[0])
    add_recording(tables, NOW - 30 * MINUTE)
    samples = read_samples()
    assert [sample.value for sample in samples if sample.metric == "pipeline.overdue"] == [1.0, None]
    assert find_sample(samples, "pipeline.stopped", stage="recordings").value == 1
    assert {"overdue_jobs", "pipeline_stopped"} <= set(firing(samples, NOW))


@pytest.mark.parametrize("created_at", [*EARLY, *AHEAD])
def test_the_oldest_is_unknown_while_one_has_no_age(tables: Any, created_at: str) -> None:
    key = add_recording(tables, NOW + MINUTE, created_at)
    add_recording(tables, NOW + MINUTE)
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][0]["oldest_pending_at"] is None
    why = answer["unknown"]["stages.0.oldest_pending_at"]
    assert (why.code, f"pending_recordings.created_at of row {key} " in why.message) == ("unavailable", True)
    assert answer["stages"][0]["pending"] == 2


@pytest.mark.parametrize("started_at", [None, *EARLY, *AHEAD])
def test_processing_without_a_start_is_undated(tables: Any, started_at: str | None) -> None:
    add_transcription(tables, "processing", NOW - 50 * MINUTE, started_at)
    add_transcription(tables, "processing", NOW - 50 * MINUTE, NOW - 2 * MINUTE)
    answer = build_pipeline(get_settings(), NOW)
    assert (answer["stages"][1]["processing"], answer["stages"][1]["undated"]) == (2, 1)
    assert answer["stages"][1]["stuck"] is None, "it may be stuck, and nobody can tell"
    assert find_sample(read_samples(), "pipeline.undated", stage="transcriptions").value == 1


@pytest.mark.parametrize("scheduled_for", [None, "infinity", "9999-12-31", "780 minutes ahead"])
def test_work_that_is_never_due_is_undated(tables: Any, scheduled_for: str | None) -> None:
    add_recording(tables, scheduled_for)
    add_recording(tables, NOW + timedelta(hours=3))
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][0]["undated"] == 1
    assert odd_rows(answer, "pending_recordings", "scheduled_for") == (0, 0), "a schedule lies ahead"
    assert build_job_metrics(get_settings(), NOW)["recording_queue"]["stale_count"] == 0


def test_each_undated_row_counts_once(tables: Any) -> None:
    add_recording(tables, None)
    add_recording(tables, NOW + MINUTE, EARLY[0])
    both = add_recording(tables, EARLY[0], AHEAD[0])
    add_recording(tables, NOW + MINUTE)
    add_recording(tables, None, processed_at=NOW)
    assert build_pipeline(get_settings(), NOW)["stages"][0]["undated"] == 3
    found = list_stage_items(get_settings(), NOW, "recordings", "undated", Page(2))
    after = list_stage_items(get_settings(), NOW, "recordings", "undated", Page(2, decode_cursor(found["next_cursor"] or "")))
    listed = [item["row"] or "" for page in (found, after) for item in page["items"] or []]
    assert (found["count"], sorted(listed)) == (3, ["1", "2", str(both)])
    assert after["next_cursor"] is None


def test_substitutes_count_undated_rows_too(tables: Any) -> None:
    add_transcription(tables, "pending", as_time(EARLY[0]))
    add_transcription(tables, "processing", NOW - MINUTE, None)
    add_transcription(tables, "pending", NOW - MINUTE)
    tables.execute("ALTER TABLE transcription_queue DROP COLUMN attempts")
    found = list_stage_items(get_settings(), NOW, "transcriptions", "undated", Page(5))
    assert (found["count"], len(found["items"] or [])) == (2, 2)
    tables.execute("ALTER TABLE transcription_queue DROP COLUMN started_at")
    found = list_stage_items(get_settings(), NOW, "transcriptions", "undated", Page(5))
    assert (found["count"], found["items"], found["unknown"]["items"].code) == (None, None, "missing")


@pytest.mark.parametrize("last_ok", [*EARLY, *AHEAD])
def test_an_odd_heartbeat_costs_its_own_cron_alone(tables: Any, last_ok: str) -> None:
    beats = (as_time(last_ok), NOW - MINUTE)
    tables.execute("INSERT INTO cron_heartbeats VALUES ('batch', %s, 'ok'), ('backfill', %s, 'ok')", beats)
    answer = build_pipeline(get_settings(), NOW)
    by_name = {cron["name"]: index for index, cron in enumerate(answer["crons"])}
    why = answer["unknown"][f"crons.{by_name['batch']}.last_ok_at"]
    assert (why.code, "cron_heartbeats.last_ok of batch" in why.message) == ("unavailable", True)
    assert answer["crons"][by_name["backfill"]]["is_late"] is False
    in_future, unreadable = odd_rows(answer, "cron_heartbeats", "last_ok")
    assert sorted((in_future, unreadable), key=str) == [0, 1]


@pytest.mark.parametrize("started_at", [*EARLY, *AHEAD])
def test_an_odd_start_costs_the_duration_alone(tables: Any, started_at: str) -> None:
    key = add_transcription(tables, "completed", NOW - 40 * MINUTE, started_at, NOW - 10 * MINUTE)
    add_transcription(tables, "completed", NOW - 40 * MINUTE, NOW - 12 * MINUTE, NOW - 10 * MINUTE)
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][1]["completed_last_hour"] == 2
    why = answer["unknown"]["stages.1.p50_s"]
    assert (why.code, f"transcription_queue.started_at of row {key} " in why.message) == ("unavailable", True)


def test_webhooks_without_a_status_halve_no_ratio(tables: Any) -> None:
    for code in [500] * 5 + [None, -1, 0, 2_147_483_647]:
        tables.execute(
            "INSERT INTO webhook_logs (endpoint, method, response_status, created_at) VALUES ('e', 'POST', %s, %s)",
            (code, NOW - MINUTE),
        )
    tables.execute(
        "INSERT INTO webhook_logs (endpoint, method, response_status, created_at)"
        " SELECT 'e', 'POST', 200, %s FROM generate_series(1, 50)",
        (NOW + timedelta(days=1),),
    )
    assert find_sample(read_samples(), "webhooks.error_ratio").value == 1.0
    tables.execute("UPDATE webhook_logs SET response_status = NULL WHERE response_status = 500 AND id > 1")
    sample = find_sample(read_samples(), "webhooks.error_ratio")
    assert (sample.value, sample.reason and sample.reason.code) == (None, "unavailable")


@pytest.mark.parametrize("records", ["NULL", "-1", "2147483647"])
def test_a_sync_whose_records_are_no_count_is_unknown(tables: Any, records: str) -> None:
    tables.execute(
        "INSERT INTO convoso_sync_status (sync_type, started_at, completed_at, records_processed)"
        f" SELECT 'sales', %s::timestamptz - day * interval '1 day', now(), CASE WHEN day = 0 THEN {records} ELSE 300 END"
        " FROM generate_series(0, 28) AS day",
        (NOW - MINUTE,),
    )
    sample = find_sample(read_samples(), "sync.volume_ratio")
    assert (sample.value, sample.reason and sample.reason.code) == (None, "unavailable")


def test_only_odd_calls_are_not_called_none(tables: Any) -> None:
    tables.execute("INSERT INTO calls (source, created_at) VALUES ('convoso', 'infinity') RETURNING id")
    ((key,),) = tables.fetchall()
    answer = build_pipeline(get_settings(), NOW)
    why = answer["unknown"]["freshness.last_call_at"]
    assert (why.code, f"calls.created_at of row {key} " in why.message) == ("unavailable", True)


def test_a_key_that_may_be_private_is_not_shown(tables: Any) -> None:
    tables.execute(
        "ALTER TABLE pending_recordings DROP CONSTRAINT pending_recordings_pkey;"
        " UPDATE pending_recordings SET call_id = id::text; ALTER TABLE pending_recordings ADD PRIMARY KEY (call_id)"
    )
    tables.execute("INSERT INTO pending_recordings (call_id, scheduled_for) VALUES ('+12025550123', '0001-01-01 00:00:00+00')")
    answer = build_pipeline(get_settings(), NOW)
    assert "2025550123" not in str(answer)
    assert "of a row cannot be read" in build_job_metrics(get_settings(), NOW)["unknown"]["recording_queue.stale_count"].message


@pytest.mark.parametrize(
    "unreadable",
    [
        "ALTER TABLE {0} RENAME TO gone_for_a_while",
        "ALTER TABLE {0} RENAME COLUMN {1} TO gone_for_a_while",
        "ALTER TABLE {0} ALTER COLUMN {1} TYPE text",
    ],
)
@pytest.mark.parametrize(("table", "column"), [("calls", "created_at"), ("cron_heartbeats", "last_ok")])
def test_an_unreadable_table_ends_no_alert_of_odd_rows(tables: Any, table: str, column: str, unreadable: str) -> None:
    tables.execute("INSERT INTO calls (source, created_at) VALUES ('convoso', 'infinity'), ('convoso', '0001-01-01')")
    tables.execute("INSERT INTO cron_heartbeats (name, last_ok) VALUES ('batch', 'infinity'), ('rollup', '-infinity')")
    rules = [rule for rule in RULES if rule.id in ("clock_skew", "unreadable_times")]
    before = evaluate(rules, read_samples(), {}, NOW).instances
    fired = [key for key, each in before.items() if each.state == "firing" and f"table={table}" in key]
    tables.execute(unreadable.format(table, column))
    after = evaluate(rules, read_samples(), before, NOW + MINUTE).instances
    assert len(fired) == 2
    assert {after[key].state for key in fired} == {"firing"}, "nobody looked, so nobody can say that it is over"
    answer = build_pipeline(get_settings(), NOW)
    (index,) = [index for index, row in enumerate(answer["odd_rows"]) if (row["table"], row["column"]) == (table, column)]
    assert odd_rows(answer, table, column) == (None, None)
    assert {f"odd_rows.{index}.in_future", f"odd_rows.{index}.unreadable"} <= set(answer["unknown"])


def test_every_answer_knows_what_another_one_doubts(tables: Any) -> None:
    add_transcription(tables, "PENDING", NOW - 30 * MINUTE)
    add_transcription(tables, "Completed", NOW - 30 * MINUTE, NOW - 20 * MINUTE, NOW - 10 * MINUTE)
    settings = get_settings()
    assert build_pipeline(settings, NOW)["stages"][1]["pending"] is None
    assert build_status(settings, NOW, 60)["services"]["queues"]["transcriptions"]["pending"] is None
    assert build_status(settings, NOW, 60)["services"]["queues"]["transcriptions"]["completed_today"] is None
    unknown = build_job_metrics(settings, NOW)["unknown"]
    for name in ("transcription_queue.pending", "transcription_queue.success_rate"):
        assert "spells the state" in unknown[name].message, name


def test_a_locked_table_ends_no_alert_of_its_rows(tables: Any, database: str) -> None:
    add_transcription(tables, "PENDING", NOW - 30 * MINUTE)
    add_transcription(tables, "completed", NOW - 40 * MINUTE, NOW - 35 * MINUTE, "infinity")
    rules = [rule for rule in RULES if rule.id in ("clock_skew", "unlisted_states")]
    before = evaluate(rules, read_samples(), {}, NOW - 3 * MINUTE).instances
    before = evaluate(rules, read_samples(), before, NOW).instances
    fired = {key for key, each in before.items() if each.state == "firing"}
    with closing(psycopg2.connect(database)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE transcription_queue IN ACCESS EXCLUSIVE MODE")
        after = evaluate(rules, read_samples(), before, NOW + MINUTE).instances
    assert {key.partition("|")[0] for key in fired} == {"clock_skew", "unlisted_states"}
    assert {after[key].state for key in fired} == {"firing"}
