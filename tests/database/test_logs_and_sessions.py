"""Logs, sessions and feedback on a real PostgreSQL: counted once, shown in the figures of errors, and forgotten in time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection, fetch_all
from callwatch.db.error_queries.group_deletions import delete_group, erase_occurrence
from callwatch.db.ingest_queries.log_counts import delete_lines_before
from callwatch.db.ingest_queries.session_counts import delete_sessions_before
from callwatch.db.ingest_queries.user_feedback import delete_feedback_before
from callwatch.digest.store import digest
from callwatch.models.shapes.error_metrics import ErrorMetrics
from callwatch.reports.groups.error_groups import load_group_detail
from tests.support.api_shapes import check_shape
from tests.support.flooded_ingest import FloodedIngest
from tests.unit.test_ingest_outcomes import build

ATTRIBUTES = {"release": "1.2.3", "environment": "staging"}


@pytest.fixture
def ingest(database: str, monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


def store(ingest: FloodedIngest) -> None:
    for _delivery in range(2):
        assert digest([json.dumps(each) for each in [*ingest.sent, *ingest.reports]], datetime.now(UTC)).poison == []


def metrics() -> Any:
    with connection() as conn:
        found = read_error_metrics(conn, datetime.now(UTC))
    check_shape(ErrorMetrics, found)
    return found


def line(level: str, body: str = "payment failed") -> dict[str, Any]:
    return {"timestamp": datetime.now(UTC).timestamp(), "level": level, "body": body, "trace_id": "a" * 32, "attributes": {}}


def test_lines_of_logs_are_errors_or_counts(ingest: FloodedIngest) -> None:
    lines = [line("error"), line("fatal", "dead"), line("info"), line("info"), line("warn")]
    assert ingest.send_envelope(build(("log", {"version": 2, "items": lines})))[0] == 200
    store(ingest)
    found = metrics()
    assert (found["summary"]["total_24h"], found["summary"]["critical"]) == (2, 1)
    assert found["log_lines"] == {"last_24h": {"info": 2, "warning": 1}, "last_hour": {"info": 2, "warning": 1}}
    assert sorted(error["message"] for error in found["top_errors"]) == ["dead", "payment failed"]


def test_crash_free_rates_are_known_by_release(ingest: FloodedIngest) -> None:
    sums = {"aggregates": [{"exited": 95, "errored": 3, "crashed": 1}], "attrs": ATTRIBUTES}
    crashed = {"sid": "x", "init": True, "status": "crashed", "attrs": ATTRIBUTES}
    ended = {"sid": "y", "status": "crashed", "attrs": {"release": "0.9"}}
    ingest.send_envelope(build(("sessions", sums), ("session", crashed), ("session", ended), ("session", {"attrs": {}})))
    store(ingest)
    found = metrics()
    assert found["crash_free"] == [
        {"project": 1, "environment": "staging", "release": "1.2.3", "sessions": 100, "errored": 3, "crashed": 2, "abnormal": 0,
         "crash_free_rate": 0.98},
        {"project": 1, "environment": "production", "release": "0.9", "sessions": 0, "errored": 0, "crashed": 1, "abnormal": 0,
         "crash_free_rate": None},
    ]  # fmt: skip
    assert found["unknown"]["crash_free.1.crash_free_rate"].code == "none"
    assert ["refused", "session", "invalid", 1] in ingest.reports[0]["counts"]


def test_feedback_is_shown_with_its_error(ingest: FloodedIngest) -> None:
    ingest.send_envelope(build(("event", {"message": "boom", "event_id": "b" * 32})))
    report = {"event_id": "b" * 32, "email": "ana@example.com", "comments": "it broke, call +14155552671"}
    for _sent in range(2):
        ingest.send_envelope(build(("user_report", report)))
    store(ingest)
    with connection() as conn:
        detail = load_group_detail(conn, "1", datetime.now(UTC), 30, {})
        rows = fetch_all(conn, "SELECT message FROM callwatch.user_feedback")
    (feedback,) = detail["feedback"]
    assert (feedback["event_id"], feedback["message"]) == ("b" * 32, "it broke, call [phone]")
    assert rows == [{"message": "it broke, call [phone]"}]


@pytest.mark.parametrize("is_whole", [True, False])
def test_feedback_goes_with_the_error_that_is_deleted(ingest: FloodedIngest, is_whole: bool) -> None:
    for event_id in ("b" * 32, "c" * 32):
        ingest.send_envelope(build(("event", {"message": "boom", "event_id": event_id})))
        ingest.send_envelope(build(("user_report", {"event_id": event_id, "comments": f"about {event_id[0]}"})))
    store(ingest)
    now = datetime.now(UTC)
    with connection() as conn:
        if is_whole:
            delete_group(conn, 1, [1], "ana", "asked", has_first_part=True)
        else:
            assert erase_occurrence(conn, 1, [1], "b" * 32, now - timedelta(days=1), "ana", "asked", lambda *_: None)
        rows = fetch_all(conn, "SELECT message FROM callwatch.user_feedback")
        shown = [] if is_whole else load_group_detail(conn, "1", now, 30, {})["feedback"]
    left = [] if is_whole else ["about c"]
    assert [row["message"] for row in rows] == [each["message"] for each in shown] == left


def test_strict_scrubbing_keeps_no_text_of_users(ingest: FloodedIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRUB", "strict")
    strict = FloodedIngest(monkeypatch)
    strict.send_envelope(build(("user_report", {"event_id": "b" * 32, "comments": "a private story"})))
    assert "private story" not in json.dumps(strict.reports)
    assert strict.reports[0]["feedback"][0][4] == "(left out: scrubbing is strict)"


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": [["now", "x", "info", 1]]}, {"lines": [["2026-01-01T00:00:00+00:00", "x", "moon", 1]]},
        {"lines": [["2026-01-01T00:00:00+00:00", 7, "info", 1]]}, {"lines": [["2026-01-01T00:00:00+00:00", "x", "info", -1]]},
        {"sessions": [["x", "y", 1, 1, 1]]}, {"sessions": [["x", "y", 1, 1, 1, 2**70]]}, {"sessions": [[None, "y", 1, 1, 1, 1]]},
        {"feedback": [["x", "y", None, "2026-01-01T00:00:00+00:00", "m", None]]}, {"feedback": 7},
    ],
)  # fmt: skip
def test_a_damaged_report_is_poison_alone(ingest: FloodedIngest, changed: dict[str, Any]) -> None:
    ingest.send_envelope(build(("log", {"items": [line("info")]})))
    good = ingest.reports[0]
    bodies = [json.dumps({**good, "report_id": "f" * 32, **changed}), json.dumps(good)]
    assert len(digest(bodies, datetime.now(UTC)).poison) == 1
    assert metrics()["log_lines"]["last_24h"] == {"info": 1}


def test_old_rows_are_forgotten(ingest: FloodedIngest) -> None:
    sums = {"aggregates": [{"exited": 1}], "attrs": ATTRIBUTES}
    items = (("log", {"items": [line("info")]}), ("sessions", sums), ("user_report", {"event_id": "b" * 32, "comments": "x"}))
    ingest.send_envelope(build(*items))
    store(ingest)
    later = datetime.now(UTC) + timedelta(hours=2)
    with connection() as conn:
        for forget in (delete_lines_before, delete_sessions_before, delete_feedback_before):
            forget(conn, later)
        tables = ("log_counts", "session_counts", "user_feedback")
        assert [fetch_all(conn, f"SELECT 1 FROM callwatch.{table}") for table in tables] == [[], [], []]
