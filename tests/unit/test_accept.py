"""Items of POST /api/errors and POST /api/requests: accepted or rejected, one by one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import Rejected
from callwatch.ingest import requests
from callwatch.ingest.errors import accept_error

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def error(**fields: Any) -> dict[str, Any]:
    return accept_error({"message": "could not store", **fields}, NOW, "key")


def request(**fields: Any) -> dict[str, Any]:
    given = {"method": "GET", "route": "/calls", "status_code": 200, "response_time_ms": 12, **fields}
    return requests.accept_request(given, NOW)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (7, ""), ([], ""), ({}, "message"), ({"message": None}, "message"), ({"message": "  "}, "message"),
        ({"message": 5}, "message"),
        ({"type": 1}, "type"), ({"type": ""}, "type"), ({"type": "x" * 301}, "type"), ({"stack": ["x"]}, "stack"),
        ({"severity": "urgent"}, "severity"), ({"severity": 3}, "severity"), ({"category": "network"}, "category"),
        ({"context": "x"}, "context"), ({"environment": "x" * 101}, "environment"), ({"release": "x" * 201}, "release"),
        ({"endpoint": "x" * 301}, "endpoint"), ({"occurred_at": "yesterday"}, "occurred_at"), ({"occurred_at": 5}, "occurred_at"),
        ({"event_id": "x"}, "event_id"), ({"event_id": "a" * 31}, "event_id"), ({"event_id": 5}, "event_id"),
    ],
)  # fmt: skip
def test_a_bad_item_is_rejected_by_its_first_bad_field(item: Any, field: str) -> None:
    if isinstance(item, dict) and item and "message" not in item:
        item = {"message": "x", **item}
    with pytest.raises(Rejected) as refusal:
        accept_error(item, NOW, "key")
    assert refusal.value.field == field
    assert str(refusal.value).startswith(("must", "is required"))


def test_what_is_left_out_is_worked_out() -> None:
    event = error()
    assert (event["environment"], event["severity"], event["category"]) == ("production", "medium", "unknown")
    assert datetime.fromisoformat(event["occurred_at"]) == NOW
    assert len(event["event_id"]) == 32
    assert error(type="OperationalError")["category"] == "database"


def test_words_are_taken_in_any_case_and_ids_with_hyphens() -> None:
    event = error(severity="HIGH", category="Database", event_id="8C5E9D1A-2F3B-4C6D-8E9F-0A1B2C3D4E5F")
    assert (event["severity"], event["category"]) == ("high", "database")
    assert event["event_id"] == "8c5e9d1a2f3b4c6d8e9f0a1b2c3d4e5f"


def test_times_are_utc_and_held_inside_of_a_sane_window() -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    exact = {"2026-01-31T13:00:00+02:00": NOW - hour, "2026-01-31T11:00:00": NOW - hour, "2026-01-31T11:59:60Z": NOW - second}
    for text, wanted in exact.items():
        assert datetime.fromisoformat(error(occurred_at=text)["occurred_at"]) == wanted
    for text in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert NOW - timedelta(days=15) < datetime.fromisoformat(error(occurred_at=text)["occurred_at"]) < NOW + timedelta(days=2)


def test_hostile_texts_and_numbers_are_sanitized_and_kept() -> None:
    event = error(message="nul \x00 half \ud800", context={"a": float("nan"), "b": float("inf"), "c": 10**400, "\x00": "\udfff"})
    assert event["message"] == "nul \ufffd half \ufffd"
    assert event["sanitized"] == ["nul", "number", "surrogate"]
    json.dumps(event, allow_nan=False, ensure_ascii=False).encode()


def test_long_texts_are_cut_and_say_so() -> None:
    event = error(message="x" * 30_000, stack="y" * 200_000)
    assert event["trimmed"] == ["message", "stack"]
    assert all(limit - 200 < len(event[name]) < limit for name, limit in (("message", 8_001), ("stack", 100_000)))
    assert all(event[name].endswith(" [cut]") for name in ("message", "stack"))


def test_unknown_fields_become_context_and_user_ids_an_hmac() -> None:
    event = error(attempt=3, context={"queue": "q"}, user_id="user-1")
    assert event["context"] == {"queue": "q", "attempt": 3}
    assert len(event["user_hash"]) == 32
    assert "user-1" not in json.dumps(event)
    assert event["user_hash"] == error(user_id="user-1")["user_hash"] != error(user_id="user-2")["user_hash"]


NAMES = st.sampled_from(["message", "type", "severity", "context", "event_id", "stack", "occurred_at", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(NAMES, TREES))
def test_item_of_any_shape_is_accepted_or_rejected(item: dict[str, Any]) -> None:
    try:
        event = accept_error(item, NOW, "key")
    except Rejected as refusal:
        assert refusal.field in {*item, "message"}  # noqa: PT017 - most items are taken
    else:
        json.dumps(event, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"method": "FETCH"}, "method"), ({"method": None}, "method"), ({"route": ""}, "route"), ({"route": 5}, "route"),
        ({"route": "x" * 301}, "route"), ({"status_code": 99}, "status_code"), ({"status_code": 600}, "status_code"),
        ({"status_code": "200"}, "status_code"), ({"status_code": True}, "status_code"), ({"status_code": 200.5}, "status_code"),
        ({"response_time_ms": -1}, "response_time_ms"), ({"response_time_ms": float("nan")}, "response_time_ms"),
        ({"response_time_ms": 10**400}, "response_time_ms"), ({"response_time_ms": None}, "response_time_ms"),
        ({"at": "x"}, "at"), ({"at": 5}, "at"), ({"environment": ""}, "environment"),
        ({"release": 1}, "release"), ({"request_id": "x"}, "request_id"),
    ],
)  # fmt: skip
def test_a_bad_request_is_rejected_by_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Rejected) as refusal:
        request(**fields)
    assert refusal.value.field == field


def test_request_is_stripped_of_query_and_private_data() -> None:
    row = request(method="post", route="/leads/+14155552671?token=x", release="1\x00", environment="\ud800", status_code=201.0)
    assert (row["method"], row["route"], row["status_code"]) == ("POST", "/leads/[phone]", 201)
    assert (row["release"], row["environment"]) == ("1\ufffd", "\ufffd")
