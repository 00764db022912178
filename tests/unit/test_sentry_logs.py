"""Lines of logs, feedback and sessions: what becomes an error, what is counted, and what no hostile item can do."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.ingest.sentry.logs import MAX_ERRORS, MAX_LINES, read_logs
from callwatch.ingest.sentry.reports.feedback import read_feedback
from callwatch.ingest.sentry.reports.sessions import read_session, read_session_sums
from callwatch.models.telemetry import Sessions
from tests.support.flooded_ingest import FloodedIngest
from tests.unit.test_ingest_outcomes import build

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)


def line(level: str = "error", body: str = "payment failed", **attributes: Any) -> dict[str, Any]:
    """A line as the SDKs for Python and JavaScript send it."""
    given = {
        "sentry.environment": "staging",
        "sentry.release": "1.2.3",
        "sentry.sdk.name": "sentry.javascript.node",
        **attributes,
    }
    return {
        "timestamp": (NOW - timedelta(seconds=90)).timestamp(), "level": level, "body": body, "trace_id": "a" * 32,
        "attributes": {name: {"value": value, "type": "string"} for name, value in given.items()},
    }  # fmt: skip


def read(*lines: Any, room: int = MAX_ERRORS) -> Any:
    return read_logs({"version": 2, "items": list(lines)}, "key", NOW, room)


def test_errors_and_fatal_lines_are_events_and_others_counted() -> None:
    found = read(line("error"), line("fatal", "dead"), line("warn"), line("info"), line("info"), line("trace"))
    assert [(event["message"], event["level"], event["environment"], event["release"]) for event in found.events] == [
        ("payment failed", "error", "staging", "1.2.3"),
        ("dead", "fatal", "staging", "1.2.3"),
    ]
    minute = datetime(2026, 1, 31, 11, 59, tzinfo=UTC)
    assert found.lines == {(minute, "staging", level): n for level, n in (("warning", 1), ("info", 2), ("trace", 1))}
    assert found.count == 6


def test_a_template_groups_and_fills_the_message() -> None:
    named: dict[str, Any] = {"sentry.message.template": "pay failed for {order}", "sentry.message.parameter.order": 7}
    (event,) = read(line(body="pay failed for 7", **named)).events
    assert (event["message"], event["logentry"]["message"]) == ("pay failed for 7", "pay failed for {order}")
    ordered = {"sentry.message.template": "%s and %s", "sentry.message.parameter.0": "a", "sentry.message.parameter.1": "b"}
    (event,) = read(line(body="a and b", **ordered)).events
    assert event["logentry"]["params"] == ["a", "b"]


def test_a_line_sent_twice_has_the_same_id() -> None:
    sequence: dict[str, Any] = {"sentry.timestamp.sequence": 1}
    first, again, other = read(line(), line(), line(**sequence)).events
    assert first["event_id"] == again["event_id"] != other["event_id"]


def test_python_logging_sends_its_errors_as_events_already() -> None:
    found = read(line(**{"sentry.origin": "auto.log.stdlib"}))
    assert (found.events, sum(found.lines.values())) == ([], 1)


@pytest.mark.parametrize(
    ("name", "errors", "lines"),
    [
        ("node", [("payment failed", "error"), ("dead 5", "fatal")], {"info": 1}),
        ("python", [("pay failed for ana@example.com", "error"), ("dead", "fatal")], {"info": 1, "warning": 1}),
        ("python_logging", [], {"error": 2, "warning": 1}),
    ],
)
def test_lines_of_real_clients(name: str, errors: list[tuple[str, str]], lines: dict[str, int]) -> None:
    found = read_logs(load_fixture(name), "key", NOW)
    assert found
    assert [(event["message"], event["level"]) for event in found.events] == errors
    assert {event["environment"] for event in found.events} <= {"staging"}
    assert {key[2]: count for key, count in found.lines.items()} == lines


def load_fixture(name: str) -> Any:
    return json.loads((Path(__file__).resolve().parents[1] / "fixtures" / "logs" / f"{name}.json").read_text())


def test_sessions_of_real_clients() -> None:
    assert read_session(load_fixture("node_session")) == Sessions("staging", "1.2.3", 1, 0, 1, 0)
    assert read_session_sums(load_fixture("node_sessions")) == Sessions("staging", "1.2.3", 7, 0, 2, 0)
    assert read_session_sums(load_fixture("python_sessions")) == Sessions("staging", "1.2.3", 4, 0, 1, 0)


def test_a_flood_of_lines_is_limited() -> None:
    found = read(*[line()] * (MAX_LINES + 50))
    assert (len(found.events), sum(found.lines.values()), found.excess) == (MAX_ERRORS, MAX_LINES - MAX_ERRORS, 50)


@pytest.mark.parametrize(("number", "level"), [(1, "trace"), (9, "info"), (13, "warning"), (99, "info"), (None, "info")])
def test_without_a_word_the_number_says_the_level(number: Any, level: str) -> None:
    found = read({**line("?"), "severity_number": number})
    assert [key[2] for key in found.lines] == [level]


def test_nothing_private_of_a_line_leaves_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    private = {"user.email": "ana@example.com", "customer.phone": "+14155552671", "password": "hunter2"}
    ingest.send_envelope(build(("log", {"items": [line(body="failed for ana@example.com", **private)]})))
    (sent,) = ingest.sent
    assert not any(text in json.dumps([ingest.sent, ingest.reports]) for text in ("ana@example", "4155552671", "hunter2"))
    assert sent["event"]["user_hash"]
    assert ingest.reports[0]["counts"] == [["accepted", "log_item", "", 1]]


def test_feedback_is_scrubbed_and_belongs_to_its_event() -> None:
    given = {
        "event_id": "c" * 32, "timestamp": NOW.timestamp(), "environment": "staging",
        "contexts": {"feedback": {"message": "It broke, call +14155552671", "name": "Ana", "contact_email": "ana@example.com",
                                  "associated_event_id": "b" * 32}},
    }  # fmt: skip
    found = read_feedback(given, "key", NOW)
    assert found
    feedback, is_cut = found
    assert (feedback.feedback_id, feedback.event_id, feedback.environment, is_cut) == ("c" * 32, "b" * 32, "staging", False)
    assert feedback.message == "It broke, call [phone]"
    assert "ana" not in repr(feedback).lower()
    assert feedback.user_hash


def test_a_user_report_of_an_older_sdk_is_feedback() -> None:
    found = read_feedback({"event_id": "b" * 32, "email": "a@b.co", "name": "Ana", "comments": "x" * 9_000}, "key", NOW)
    assert found
    feedback, is_cut = found
    assert (feedback.event_id, len(feedback.message), is_cut) == ("b" * 32, 4_096, True)
    assert read_feedback({"event_id": "b" * 32, "comments": " "}, "key", NOW) is None


ATTRIBUTES = {"release": "1.2.3", "environment": "staging"}


@pytest.mark.parametrize(
    ("session", "counts"),
    [
        ({"init": True, "status": "ok"}, (1, 0, 0, 0)), ({"status": "crashed"}, (0, 0, 1, 0)),
        ({"init": True, "status": "crashed", "errors": 1}, (1, 0, 1, 0)), ({"status": "exited", "errors": 2}, (0, 1, 0, 0)),
        ({"status": "exited", "errors": 0}, (0, 0, 0, 0)), ({"status": "abnormal"}, (0, 0, 0, 1)), ({"seq": 0}, (1, 0, 0, 0)),
    ],
)  # fmt: skip
def test_a_session_counts_when_it_begins_and_when_it_ends_badly(session: dict[str, Any], counts: tuple[int, ...]) -> None:
    assert read_session({"sid": "x", "attrs": ATTRIBUTES, **session}) == Sessions("staging", "1.2.3", *counts)


def test_sums_of_sessions_add_up() -> None:
    # As @sentry/node and sentry-sdk send them.
    given = {"aggregates": [{"started": "2026-11-30T06:48:00.000Z", "exited": 5, "errored": 1, "crashed": 2}, {"exited": 1}, 7]}
    assert read_session_sums({**given, "attrs": ATTRIBUTES}) == Sessions("staging", "1.2.3", 9, 1, 2, 0)
    hostile = {"aggregates": [{"exited": 10**30, "crashed": -5, "errored": True, "abnormal": "9"}] * 500}
    assert read_session_sums({**hostile, "attrs": ATTRIBUTES}) == Sessions("staging", "1.2.3", 100_000, 0, 0, 0)
    assert read_session_sums({"aggregates": []}) is None


NAMES = st.sampled_from(
    [
        *(
            "items",
            "body",
            "level",
            "attributes",
            "timestamp",
            "contexts",
            "feedback",
            "message",
            "aggregates",
            "attrs",
            "release",
        ),
        *("sentry.message.template", "sentry.message.parameter.0", "value", "exited", "comments"),
    ]
)
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just("error")


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
def test_an_item_of_any_shape_raises_nothing(payload: Any) -> None:
    read_logs(payload, "key", NOW)
    read_feedback(payload, "key", NOW)
    read_session(payload)
    read_session_sums(payload)
