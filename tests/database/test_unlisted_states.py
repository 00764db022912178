"""Rows whose state or word the stage file does not name: they are counted by value, shown, and alerted on."""

import json
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callwatch.pipeline.queries.schema import bind, look
from callwatch.pipeline.queries.states import MAX_VALUES, count_unlisted
from callwatch.pipeline.queries.words import fold, show_value
from callwatch.pipeline.stage_file import get_stages, parse_stages
from callwatch.reports.crons import list_product_jobs
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.prometheus.formats import render_exposition
from callwatch.settings import get_settings, reset_settings
from tests.database.test_odd_rows import MINUTE, NOW, add_transcription, read_samples, tables
from tests.incidents.judge import find_sample, firing
from tests.support.monitor_cycles import cycle

__all__ = ["tables"]
STAGE = {"stage": "transcriptions", "table": "transcription_queue", "column": "status"}


def read_stage(name: str = "transcriptions") -> dict[str, Any]:
    return next(dict(stage) for stage in build_pipeline(get_settings(), NOW)["stages"] if stage["name"] == name)


def list_states(stage: dict[str, Any]) -> dict[str, int]:
    return {each["state"]: each["rows"] for each in stage["unlisted_states"]}


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("paused", "paused"),
        (None, "NULL"),
        ("NULL", '"NULL"'),
        ("", '""'),
        (" pending ", '" pending "'),
        ("Pending", "Pending"),
        ("pending\u200b", '"pending\\u200b"'),
        ("\u202eabc", '"\\u202eabc"'),
        ("x" * 5000, "x" * 59 + "…"),
    ],
)
def test_a_state_of_no_name_is_counted_by_value(tables: Any, status: str | None, shown: str) -> None:
    tables.execute("ALTER TABLE transcription_queue ALTER COLUMN status DROP NOT NULL, ALTER COLUMN status TYPE text")
    add_transcription(tables, "pending", NOW - MINUTE)
    assert (read_stage()["unlisted"], read_stage()["unlisted_states"]) == (0, [])
    for _row in range(3):
        add_transcription(tables, status, NOW - MINUTE)  # type: ignore[arg-type]
    stage = read_stage()
    assert (stage["unlisted"], list_states(stage)) == (3, {shown: 3})
    assert stage["completed_last_hour"] == 0
    sample = find_sample(read_samples(), "product.unlisted", **STAGE)
    assert (sample.value, sample.detail) == (3.0, f"3 in {shown}")


def test_a_private_state_is_never_shown(tables: Any) -> None:
    tables.execute("ALTER TABLE transcription_queue ALTER COLUMN status TYPE text")
    add_transcription(tables, "call back maria.lopez@example.com", NOW - MINUTE)
    (shown,) = list_states(read_stage())
    assert "maria" not in shown


def test_the_list_of_states_has_an_end_and_the_count_has_none(tables: Any) -> None:
    tables.execute(
        "INSERT INTO transcription_queue (call_id, recording_url, status, created_at)"
        " SELECT gen_random_uuid(), 'u', 'odd ' || (n %% 300), %s FROM generate_series(1, 3000) AS n",
        (NOW - MINUTE,),
    )
    tables.execute("UPDATE transcription_queue SET status = 'paused' WHERE id % 3 = 0")
    stage = read_stage()
    assert stage["unlisted"] == 3000
    assert len(stage["unlisted_states"]) == MAX_VALUES
    assert stage["unlisted_states"][0] == {"state": "paused", "rows": 1000}


def read_state(cursor: Any) -> str:
    """Return the state of the rule for the stage."""
    cursor.execute("SELECT state FROM callwatch.rule_states WHERE rule_id = 'unlisted_states' AND alert_key LIKE '%stage=%'")
    return str(cursor.fetchone()[0])


def test_somebody_is_told_of_states_without_a_name(tables: Any) -> None:
    add_transcription(tables, "paused", NOW - 60 * MINUTE)
    for minute in range(4):
        cycle(NOW + minute * MINUTE)
    assert read_state(tables) == "firing"
    tables.execute(
        "SELECT level, message, channel FROM callwatch.alerts a JOIN callwatch.deliveries d ON d.alert_id = a.id"
        " WHERE rule_id = 'unlisted_states'"
    )
    rows = tables.fetchall()
    assert {row[0] for row in rows} == {"warning"}
    assert "1 rows of transcription_queue.status have a state that the stage file does not name" in rows[0][1]
    assert "1 in paused" in rows[0][1]
    tables.execute("UPDATE transcription_queue SET status = 'completed', completed_at = now()")
    cycle(NOW + 5 * MINUTE)
    assert read_state(tables) == "ok"


def test_an_unread_table_ends_no_alert_of_its_states(tables: Any, database: str) -> None:
    add_transcription(tables, "paused", NOW - MINUTE)
    assert find_sample(read_samples(), "product.unlisted", **STAGE).value == 1
    with closing(psycopg2.connect(database)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE transcription_queue IN ACCESS EXCLUSIVE MODE")
        sample = find_sample(read_samples(), "product.unlisted", **STAGE)
        stage = read_stage()
    assert sample.value is None
    assert sample.reason is not None
    assert stage["unlisted"] is stage["unlisted_states"] is None


def test_a_stage_without_words_says_that_it_has_no_states(tables: Any) -> None:
    answer = build_pipeline(get_settings(), NOW)
    assert answer["stages"][0]["unlisted"] is None
    assert answer["unknown"]["stages.0.unlisted"].code == "not_recorded"
    assert not [each for each in read_samples() if each.metric == "product.unlisted" and each.labels.get("stage") == "recordings"]


def test_states_are_samples_for_prometheus(tables: Any) -> None:
    for status in ("paused", "paused", ""):
        add_transcription(tables, status, NOW - MINUTE)
    text = render_exposition({"pipeline": build_pipeline(get_settings(), NOW)}, False)
    assert 'callwatch_pipeline_stage_unlisted{stage="transcriptions"} 3' in text
    assert 'callwatch_pipeline_stage_unlisted_states_rows{stage="transcriptions",state="paused"} 2' in text
    assert 'callwatch_pipeline_misspelled_rows{column="type",table="call_events"} 0' in text


def add_event(cursor: Any, kind: str | None, at: datetime = NOW - MINUTE) -> None:
    cursor.execute("INSERT INTO call_events (call_id, type, at) VALUES (gen_random_uuid(), %s, %s)", (kind, at))


@pytest.mark.parametrize("spelled", ["ANALYZED", " analyzed", "Analyzed", "analyzed\t", "ana-lyzed"])
def test_an_event_in_another_spelling_is_told(tables: Any, spelled: str) -> None:
    for kind in ("analyzed", "a kind that is new", "transcribe_ok"):
        add_event(tables, kind)
    assert find_sample(read_samples(), "product.unlisted", table="call_events", column="type").value == 0
    add_event(tables, spelled)
    sample = find_sample(read_samples(), "product.unlisted", table="call_events", column="type")
    assert sample.value == 1
    assert "spells the state analyzed in another way" in (sample.detail or "")
    answer = build_pipeline(get_settings(), NOW)
    assert {"table": "call_events", "column": "type", "rows": 1} in answer["misspelled"]
    analyses = next(index for index, stage in enumerate(answer["stages"]) if stage["name"] == "analyses")
    assert answer["stages"][analyses]["completed_last_hour"] is None
    assert "another way" in answer["unknown"][f"stages.{analyses}.completed_last_hour"].message
    assert answer["stages"][analyses]["failed"] == 0


@pytest.mark.parametrize("spelled", ["Backfill", "back_fill", " backfill"])
def test_a_cron_in_another_spelling_is_not_missing(tables: Any, spelled: str) -> None:
    tables.execute("INSERT INTO cron_heartbeats VALUES (%s, %s, 'ok'), ('batch', %s, 'ok')", (spelled, NOW, NOW))
    late = find_sample(read_samples(), "cron.late", cron="backfill")
    assert late.value is None
    assert late.reason is not None
    assert (late.reason.code, "spells the cron backfill in another way" in late.reason.message) == ("unavailable", True)
    sample = find_sample(read_samples(), "product.unlisted", table="cron_heartbeats", column="name")
    assert sample.value == 1
    tables.execute("INSERT INTO cron_heartbeats VALUES ('backfill', %s, 'ok')", (NOW - MINUTE,))
    assert find_sample(read_samples(), "cron.late", cron="backfill").value is not None
    assert find_sample(read_samples(), "product.unlisted", table="cron_heartbeats", column="name").value == 0


@pytest.mark.parametrize("change", ["DROP COLUMN last_message", "ALTER COLUMN last_message TYPE jsonb USING 'null'::jsonb"])
def test_crons_without_readable_messages_are_not_at_work(tables: Any, change: str) -> None:
    beats = ("batch", "backfill", "process-transcription-queue")
    for name in beats:
        tables.execute("INSERT INTO cron_heartbeats VALUES (%s, %s, 'ok')", (name, NOW - MINUTE / 2))
    assert find_sample(read_samples(), "cron.idle", cron="backfill").value == 0
    tables.execute(f"ALTER TABLE cron_heartbeats {change}")
    found = {each.labels.get("cron"): each for each in read_samples() if each.metric == "cron.idle"}
    for name in beats:
        assert found[name].value is None
        why = found[name].reason
        assert why is not None
        assert "cron_heartbeats.last_message" in why.message
        assert why.code == ("missing" if change.startswith("DROP") else "unavailable")
    assert find_sample(read_samples(), "cron.late", cron="backfill").value == 0.01
    assert find_sample(read_samples(), "cron.failing").value is None
    jobs = {job["slug"]: job for job in list_product_jobs(get_settings(), NOW)}
    assert (jobs["backfill"]["state"], jobs["backfill"]["problem"]) == ("unknown", None)
    assert "last_message" in jobs["backfill"]["unknown"]["problem"].message


def test_a_stopped_stage_makes_its_cron_idle_without_messages(tables: Any) -> None:
    tables.execute("INSERT INTO cron_heartbeats (name, last_ok) VALUES ('process-transcription-queue', %s)", (NOW,))
    tables.execute("ALTER TABLE cron_heartbeats DROP COLUMN last_message")
    add_transcription(tables, "pending", NOW - 30 * MINUTE)
    assert find_sample(read_samples(), "cron.idle", cron="process-transcription-queue").value == 1
    assert "cron_idle" in firing(read_samples(), NOW)


def stage_file(**more: Any) -> dict[str, Any]:
    return {
        "name": "jobs",
        "table": "jobs",
        "waiting_since": "at",
        "pending": [["kind", "=", "call"], ["state", "=", "new"]],
        "done": {"where": [["kind", "=", "call"], ["state", "=", "sent"]], "at": "at"},
        "duration": {"where": [["state", "=", "sent"], ["kind", "=", "call"]], "start": "at", "end": "at"},
        **more,
    }


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        ({}, {"paused": 1, "returned": 1, "NULL": 1}),
        ({"other_states": ["paused"]}, {"returned": 1, "NULL": 1}),
        ({"dead": {"where": [["kind", "=", "call"], ["tries", ">", 5]], "at": "at"}}, {"paused": 1, "NULL": 1}),
        ({"zombie": [["kind", "=", "call"], ["state", "is null"]]}, {"paused": 1, "returned": 1}),
    ],
)
def test_only_rows_that_no_kind_names_are_unlisted(
    tables: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, more: dict[str, Any], counted: dict[str, int]
) -> None:
    tables.execute("CREATE TABLE jobs (id int GENERATED ALWAYS AS IDENTITY, kind text, state text, tries int, at timestamptz)")
    tables.execute(
        "INSERT INTO jobs (kind, state, tries, at) SELECT kind, state, tries, now() FROM (VALUES ('call', 'new', 0),"
        " ('call', 'sent', 0), ('call', 'paused', 0), ('call', 'returned', 9), ('call', NULL, 0), ('mail', 'queued', 0))"
        " AS given (kind, state, tries)"
    )
    path = tmp_path / "stages.json"
    path.write_text(json.dumps({"stages": [stage_file(**more)]}))
    monkeypatch.setenv("STAGES_FILE", str(path))
    reset_settings()
    assert list_states(read_stage("jobs")) == counted


def test_stages_of_one_table_share_its_states() -> None:
    other = stage_file(name="others", pending=[["state", "=", "held"]], done={"where": [["state", "=", "gone"]], "at": "at"})
    stages = parse_stages({"stages": [stage_file(), {**other, "duration": {**other["duration"], "where": []}}]})
    assert {stage.states.words for stage in stages.stages if stage.states} == {("gone", "held", "new", "sent")}


def test_the_advised_index_serves_the_count(tables: Any) -> None:
    (advised,) = [each for each in get_stages(None).indexes if each["name"] == "callwatch_transcriptions_unlisted"]
    tables.execute(f"CREATE INDEX {advised['name']} ON transcription_queue ({advised['on']}) WHERE {advised['where']}")
    count = count_unlisted(next(stage for stage in get_stages(None).stages if stage.name == "transcriptions"))
    tables.execute("SET enable_seqscan = off")
    schema = look(tables.connection, ["transcription_queue"])
    tables.execute("EXPLAIN " + bind(count.sql, schema).as_string(tables.connection))
    assert any("callwatch_transcriptions_unlisted" in row[0] for row in tables.fetchall())


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_shown_short_and_unambiguous(text: str) -> None:
    shown = show_value(text)
    assert 0 < len(shown) <= 60
    assert shown.isprintable()
    assert shown != "NULL"
    assert fold(text) == fold(f" {text.upper()}_") or not text.isascii()


# Types that a column of states may have.
_TYPES = {
    "fixed characters": "char(30)",
    "a domain": "state_word",
    "an enum": "state_enum",
}


@pytest.mark.parametrize("kind", _TYPES)
def test_states_of_any_type_are_counted_alike(tables: Any, kind: str) -> None:
    tables.execute("CREATE DOMAIN state_word AS text CHECK (VALUE <> 'never')")
    tables.execute("CREATE TYPE state_enum AS ENUM ('pending', 'processing', 'completed', 'paused', 'Completed')")
    for status in ("pending", "pending", "paused", "Completed", "completed"):
        add_transcription(tables, status, NOW - MINUTE, NOW - MINUTE, NOW - MINUTE)
    tables.execute(
        "ALTER TABLE transcription_queue ALTER COLUMN status DROP DEFAULT,"
        f" ALTER COLUMN status TYPE {_TYPES[kind]} USING status::text::{_TYPES[kind].partition(' ')[0]}"
    )
    stage = read_stage()
    assert stage["pending"] == 2
    assert list_states(stage) == {"paused": 1, "Completed": 1}
    sample = find_sample(read_samples(), "product.unlisted", **STAGE)
    assert sample.reason is None
