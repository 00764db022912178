"""One call on its way: its state in each stage, its events and errors, by any of its keys, without private data."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import Conflict, NotFound
from callwatch.models.shapes.product.items import Call
from callwatch.reports.items.one_call import load_call, match_item_names
from callwatch.settings import get_settings, reset_settings
from simulator import product
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
CALL = "00000000-0000-4000-8000-000000000001"
FOREIGN = "5f0c9d0e-6f6e-4a51-9a53-0b8f3a6c1d27"
PRIVATE = ("Jane", "202555", "example.com", "insufficient", "sk-live")


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


class Tables:
    """Writes rows of the call under test."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def add(self, table: str, **row: Any) -> None:
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        self.cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    def call(self, **more: Any) -> None:
        self.add(
            "calls", **{
                "id": CALL, "source": "convoso", "call_id": "Jane 2025550100", "source_ref": "ref-1", "agent_name": "Jane Doe",
                "phone_number": "+12025550100", "created_at": ago(90), "started_at": ago(100), "ended_at": ago(91), **more,
            }
        )  # fmt: skip

    def recording(self, **more: Any) -> None:
        self.add("pending_recordings", **{"call_id": CALL, "created_at": ago(90), "attempts": 1, **more})

    def transcription(self, **more: Any) -> None:
        given = {"call_id": CALL, "recording_url": "https://example.com/x", "created_at": ago(80), "attempts": 1, **more}
        self.add("transcription_queue", **given)

    def event(self, kind: str, minutes: float, payload: Any = None) -> None:
        self.add("call_events", call_id=CALL, type=kind, at=ago(minutes), payload=json.dumps(payload))


@pytest.fixture
def tables(database: str) -> Iterator[Tables]:
    """Yield a writer of the product's tables."""
    conn = psycopg2.connect(database)
    conn.autocommit = True
    product.create_tables(conn)
    with conn.cursor() as cursor:
        yield Tables(cursor)
    conn.close()


def view(key: str = CALL) -> Call:
    found = load_call(get_settings(), NOW, key)
    check_shape(Call, found)
    text = json.dumps(found, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else str(value))
    check_nulls(json.loads(text))
    assert not [word for word in PRIVATE if word in text]
    return found


def states(key: str = CALL) -> list[tuple[str, str | None]]:
    return [(step["state"], step["reason"]) for step in view(key)["steps"]]


def test_call_that_went_all_the_way(tables: Tables) -> None:
    tables.call(recording_url="https://example.com/x")
    tables.recording(processed_at=ago(85))
    tables.transcription(status="completed", started_at=ago(79), completed_at=ago(70))
    tables.add("transcripts", call_id=CALL, created_at=ago(70))
    tables.event("created", 90)
    tables.event("analyzed", 60)
    tables.add("analyses", call_id=CALL, model="gpt")
    found = view()
    assert [step["state"] for step in found["steps"]] == ["done", "done", "done"]
    assert [step["began_at"] for step in found["steps"]] == [ago(90), ago(79), ago(70)]
    assert [step["ended_at"] for step in found["steps"]] == [ago(85), ago(70), ago(60)]
    assert [step["attempts"] for step in found["steps"]] == [1, 1, None]
    assert found["unknown"]["steps.2.attempts"].code == "not_recorded"
    assert [event["type"] for event in found["events"] or []] == ["created", "analyzed"]
    assert (found["id"], found["began_at"], found["ended_at"]) == (CALL, ago(100), ago(91))


def test_each_state_of_the_recording(tables: Tables) -> None:
    tables.call()
    tables.recording(scheduled_for=ago(-5))
    assert states()[0] == ("waiting", None)
    assert states()[1:] == [("waiting", "not_reached"), ("waiting", "not_reached")]
    tables.cursor.execute("UPDATE pending_recordings SET attempts = 12, last_error = 'HTTP 429 too many requests: Jane'")
    assert states()[0] == ("zombie", "rate_limited")
    tables.cursor.execute("UPDATE pending_recordings SET processed_at = %s, last_error = 'sk-live not found'", (ago(4000),))
    assert states() == [("dead", "error"), ("missing", "not_reached"), ("missing", "not_reached")]
    assert (view()["steps"][0]["ended_at"], view()["unknown"]["steps.2.ended_at"].code) == (ago(4000), "none")
    tables.cursor.execute("UPDATE pending_recordings SET last_error = NULL")
    assert states()[0] == ("done", None)
    tables.cursor.execute("DELETE FROM pending_recordings")
    assert states()[0] == ("missing", None)


def test_each_state_of_the_transcription(tables: Tables) -> None:
    tables.call(recording_url="https://example.com/x")
    assert states()[1] == ("missing", "orphan")
    tables.transcription(status="pending")
    assert states()[1] == ("waiting", None)
    tables.cursor.execute("UPDATE transcription_queue SET status = 'processing', started_at = %s", (ago(2),))
    assert states()[1] == ("processing", None)
    tables.cursor.execute("UPDATE transcription_queue SET started_at = %s", (ago(20),))
    assert states()[1] == ("stuck", None)
    tables.cursor.execute("UPDATE transcription_queue SET status = 'pending', attempts = 3")
    assert states()[1] == ("zombie", None)
    tables.cursor.execute("UPDATE transcription_queue SET status = 'failed', last_error = 'ETIMEDOUT 2025550100'")
    assert states()[1] == ("dead", "timeout")
    tables.cursor.execute("UPDATE transcription_queue SET attempts = 1")
    assert states()[1] == ("missing", "timeout")
    tables.cursor.execute(
        "UPDATE transcription_queue SET status = 'completed', last_error = NULL, completed_at = %s", (ago(3000),)
    )
    assert states()[1] == ("missing", "false_success")
    tables.add("transcripts", call_id=CALL, created_at=ago(70))
    assert states()[1] == ("done", None)
    tables.cursor.execute("DELETE FROM transcription_queue")
    found = view()["steps"][1]
    assert (found["state"], found["ended_at"]) == ("done", ago(70)), "the queue forgets, and the transcript remains"


def test_each_state_of_the_analysis(tables: Tables) -> None:
    tables.call(recording_url="https://example.com/x")
    tables.add("transcripts", call_id=CALL, created_at=ago(10))
    assert states()[2] == ("waiting", None)
    tables.cursor.execute("UPDATE transcripts SET created_at = %s", (ago(60),))
    assert states()[2] == ("stuck", None)
    assert view()["steps"][2]["ended_at"] is None
    tables.event("analyze_error", 50, {"error": "429 insufficient_quota for Jane"})
    assert states()[2] == ("stuck", "quota")
    tables.event("analysis_failed", 40, {"error": "429 insufficient_quota for Jane"})
    assert states()[2] == ("dead", "quota")
    assert view()["steps"][2]["ended_at"] == ago(40)
    tables.event("analysis_skipped", 30)
    assert states()[2] == ("done", "skipped")
    tables.cursor.execute("DELETE FROM call_events WHERE type = 'analysis_skipped'")
    tables.add("analyses", call_id=CALL)
    assert states()[2] == ("done", None)


@pytest.mark.parametrize("status", ["paused", "", None, "PENDING"])
def test_row_in_a_state_without_a_name_is_not_missing(tables: Tables, status: str | None) -> None:
    tables.call(recording_url="https://example.com/x")
    tables.transcription(status=status)
    assert states()[1:] == [("unknown", "unlisted"), ("missing", "not_reached")]
    tables.add("transcripts", call_id=CALL, created_at=ago(10))
    assert states()[1] == ("done", None)


@pytest.mark.parametrize("key", [CALL, CALL.upper(), "Jane 2025550100", "ref-1"])
def test_call_is_found_by_each_of_its_keys(tables: Tables, key: str) -> None:
    tables.call()
    tables.recording()
    found = view(key)
    assert (found["id"], found["steps"][0]["state"]) == (CALL, "waiting")


@pytest.mark.parametrize(
    "key", ["", FOREIGN, "x" * 5000, "\x00", "\ud800", "'; DROP TABLE calls; --", "%", "{}", "9" * 400, "-1", "٣", "null"]
)
def test_foreign_key_is_not_found(tables: Tables, key: str) -> None:
    tables.call()
    with pytest.raises(NotFound):
        load_call(get_settings(), NOW, key)


@pytest.mark.parametrize(
    "at", ["58870-01-01", "294276-12-31", "0044-03-15 BC", "0001-01-01", "infinity", "-infinity", "1970-01-01"]
)
def test_no_time_stops_what_a_call_shows(tables: Tables, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    price = {"service": "deepgram", "model": "*", "unit": "audio_second", "usd": "0.01", "per": 60, "valid_from": "2020-01-01"}
    (tmp_path / "prices.json").write_text(json.dumps([{**price, "source": "test"}]))
    monkeypatch.setenv("PRICES_FILE", str(tmp_path / "prices.json"))
    monkeypatch.setenv("TIMEZONE", "America/Los_Angeles")
    reset_settings()
    tables.call()
    tables.transcription(status="completed", completed_at=ago(70))
    tables.add("transcripts", call_id=CALL, engine="deepgram", created_at=at)
    tables.add("call_events", call_id=CALL, type="analyzed", at=at, payload="{}")
    found = load_call(get_settings(), NOW, CALL)
    assert [step["stage"] for step in found["steps"]]
    assert found["cost"] is not None or "cost" in found["unknown"]
    if at.endswith("infinity"):
        assert found["unknown"]["cost"].message == "the time at which deepgram was used cannot be read"


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "NaN"])
def test_an_odd_count_of_attempts_is_unknown(tables: Tables, value: str) -> None:
    tables.call()
    tables.transcription(status="processing", started_at=ago(5))
    tables.cursor.execute("ALTER TABLE transcription_queue ALTER attempts TYPE double precision")
    tables.cursor.execute("UPDATE transcription_queue SET attempts = %s", (value,))
    found = load_call(get_settings(), NOW, CALL)
    index = next(place for place, step in enumerate(found["steps"]) if step["stage"] == "transcriptions")
    assert found["steps"][index]["attempts"] is None
    assert found["unknown"][f"steps.{index}.attempts"].code == "unavailable"


def test_key_of_several_calls_names_their_ids(tables: Tables) -> None:
    ids = [str(uuid4()) for _ in range(9)]
    for each in ids:
        tables.call(id=each, call_id=each)
    with pytest.raises(Conflict) as caught:
        load_call(get_settings(), NOW, "ref-1")
    assert caught.value.code == "ambiguous"
    assert sum(each in str(caught.value) for each in ids) == 5
    assert view(ids[0])["id"] == ids[0]


def test_call_without_a_row_of_its_own_is_followed(tables: Tables) -> None:
    tables.transcription(status="processing", started_at=ago(2))
    found = view()
    assert (found["id"], found["steps"][1]["state"]) == (CALL, "processing")


@pytest.mark.parametrize(
    "table", ["calls", "pending_recordings", "transcription_queue", "transcripts", "call_events", "analyses"]
)
def test_missing_table_costs_only_its_own_figures(tables: Tables, table: str) -> None:
    tables.call(recording_url="https://example.com/x")
    tables.recording(processed_at=ago(85))
    tables.transcription(status="processing", started_at=ago(2))
    tables.event("created", 90)
    tables.cursor.execute(f"DROP TABLE {table} CASCADE")
    found = view()
    by_stage = {step["stage"]: (step["state"], step["reason"]) for step in found["steps"]}
    assert by_stage["recordings"] == ("done", None)
    assert by_stage["transcriptions"] == (("unknown", "missing") if table == "transcription_queue" else ("processing", None))
    assert (found["events"] is None) == (table == "call_events")


@pytest.mark.parametrize("when", ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "294276-01-01 00:00:00+00"])
def test_impossible_times_are_unknown(tables: Tables, when: str) -> None:
    tables.call(created_at=when, started_at=when, ended_at=when)
    tables.recording(created_at=when)
    tables.add("call_events", call_id=CALL, type="Jane Doe called", at=when)
    found = view()
    assert (found["began_at"], found["steps"][0]["began_at"]) == (None, None)
    assert found["events"] == [{"type": "other", "at": None}]
    assert found["unknown"]["steps.0.began_at"].code == "unavailable"


def test_keys_of_another_type_are_compared(tables: Tables) -> None:
    tables.cursor.execute(
        "ALTER TABLE transcription_queue ALTER call_id TYPE text; ALTER TABLE call_events ALTER call_id TYPE text"
    )
    tables.call(recording_url="https://example.com/x")
    tables.transcription(status="processing", started_at=ago(2))
    tables.event("created", 90)
    found = view()
    assert (found["steps"][1]["state"], len(found["events"] or [])) == ("processing", 1)


def test_errors_that_name_the_call_are_linked(tables: Tables) -> None:
    tables.call()
    events: list[dict[str, Any]] = [
        {"message": "boom", "type": "A", "context": {"call_id": CALL}},
        {"message": "boom", "type": "B", "context": {"deep": {"call": {"id": CALL}}}},
        {"message": "boom", "type": "C", "tags": {"call.id": CALL, "callId": CALL}},
        {"message": f"boom {CALL}", "type": "D"},
        {"message": "boom", "type": "E", "context": {"lead_id": CALL}},
        {"message": "boom", "type": "F", "context": {"call_id": str(uuid4())}},
    ]
    digest([build_error_message(finish_event(event, NOW), 1, NOW) for event in events], NOW)
    found = view()["errors"]
    assert found is not None
    assert {error["type"] for error in found} == {"A", "B", "C"}


@pytest.mark.parametrize(
    ("given", "is_named"),
    [
        ({"tags": {"callId": "k"}}, True), ({"tags": {"call.id": "k"}}, True), ({"context": {"x": {"call": {"id": "k"}}}}, True),
        ({"tags": {"lead": "k"}}, False), ({"context": {"call_id": "other"}}, False), ({"context": None}, False), ([], False),
    ],
)  # fmt: skip
def test_field_names_a_call_however_it_is_spelled(given: Any, is_named: bool) -> None:
    assert any(match_item_names(given, ["call_id", "call"], {"k"})) == is_named


def test_deep_context_is_searched_to_a_limit() -> None:
    given: Any = {"call_id": "k"}
    for _ in range(50):
        given = {"x": given}
    assert not any(match_item_names(given, ["call_id"], {"k"}))


def test_product_without_tables_says_what_is_missing(database: str) -> None:
    with pytest.raises(NotFound, match="table calls is missing"):
        load_call(get_settings(), NOW, CALL)
