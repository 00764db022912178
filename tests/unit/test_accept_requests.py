"""Items of POST /api/requests: what is accepted, and how it is made safe to store."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import Rejected
from callwatch.ingest.requests import accept_request, build_request_messages
from callwatch.sqs import MESSAGE_BYTES

NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {"method": "get", "route": "/calls/{id}?token=1", "status_code": 200, "response_time_ms": 12.5}


def test_a_request_becomes_a_row_without_its_query() -> None:
    row = accept_request(GOOD, NOW)
    assert len(row.pop("request_id")) == 32
    assert row == {
        "method": "GET", "route": "/calls/{id}", "status_code": 200, "response_time_ms": 12.5, "at": NOW.isoformat(),
        "environment": "production", "release": None, "source": "api",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", None), ("method", "FETCH"), ("method", 7), ("route", None), ("route", ""), ("route", "x" * 301),
        ("status_code", "200"), ("status_code", 99), ("status_code", 600),
        ("status_code", True), ("status_code", 200.5), ("response_time_ms", None), ("response_time_ms", -0.1),
        ("response_time_ms", float("nan")), ("response_time_ms", float("inf")), ("response_time_ms", 10**400),
        ("response_time_ms", "12"), ("response_time_ms", True), ("at", "yesterday"), ("at", 7), ("environment", ""),
        ("environment", "x" * 101), ("release", 3), ("request_id", "no uuid"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        accept_request({**GOOD, field: value}, NOW)
    assert refusal.value.field == field
    assert str(refusal.value)


@pytest.mark.parametrize("item", [None, 3, "text", [GOOD]])
def test_what_is_no_object_is_refused(item: Any) -> None:
    with pytest.raises(Rejected):
        accept_request(item, NOW)


@pytest.mark.parametrize(
    ("given_at", "at"),
    [
        ("2026-05-06T11:00:00Z", NOW - timedelta(hours=1)),
        ("2026-05-06T13:00:00+02:00", NOW - timedelta(hours=1)),
        ("2026-05-06T11:00:00", NOW - timedelta(hours=1)),
        ("1999-01-01T00:00:00Z", NOW - timedelta(days=6)),
        ("2999-01-01T00:00:00Z", NOW + timedelta(days=1)),
    ],
)
def test_a_time_is_utc_and_held_inside_what_can_be(given_at: str, at: datetime) -> None:
    assert accept_request({**GOOD, "at": given_at}, NOW)["at"] == at.isoformat()


def test_text_that_postgresql_cannot_hold_is_sanitized() -> None:
    row = accept_request({**GOOD, "route": "/a\x00b\ud800", "release": "r\x00"}, NOW)
    json.dumps(row, ensure_ascii=False).encode()
    assert "\x00" not in row["route"] + row["release"]


def test_the_same_id_is_the_same_request() -> None:
    dashed = "0F0E0D0C-0B0A-0908-0706-050403020100"
    assert accept_request({**GOOD, "request_id": dashed}, NOW)["request_id"] == dashed.replace("-", "").lower()


def test_a_thousand_of_the_longest_requests_fit_their_messages() -> None:
    longest = {**GOOD, "route": "\U0001f4de" * 300, "environment": "ü" * 100, "release": "\u2028" * 200}
    rows = [accept_request(longest, NOW) for _ in range(1_000)]
    texts = list(build_request_messages(rows, 1, NOW))
    assert max(len(text.encode()) for text in texts) <= MESSAGE_BYTES
    messages = [json.loads(text) for text in texts]
    assert [row for message in messages for row in message["requests"]] == rows
    assert {message["project_id"] for message in messages} == {1}


_FIELDS = [*GOOD, "at", "environment", "release", "request_id"]
_VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([]) | st.just({"a": 1})
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=3))
def test_any_json_is_taken_or_refused_by_field_and_nothing_else(item: dict[str, Any]) -> None:
    field = None
    try:
        json.dumps(accept_request({**GOOD, **item}, NOW), allow_nan=False).encode()
    except Rejected as refusal:
        field = refusal.field
    assert field in {None, *_FIELDS}
