"""Traces of both forms as requests."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.requests.accept import request_messages
from callwatch.tracker.route import route_of
from callwatch.tracker.sentry.traces import rows_of_spans, rows_of_transaction

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
START = NOW.timestamp() - 2


def span(**fields: Any) -> dict[str, Any]:
    attributes = {"sentry.op": "http.server", "http.request.method": "GET", **fields.pop("attributes", {})}
    return {
        "trace_id": "a" * 32, "span_id": "b" * 16, "name": "GET", "is_segment": True, "status": "ok",
        "start_timestamp": START, "end_timestamp": START + 0.25,
        "attributes": {name: {"value": value, "type": "string"} for name, value in attributes.items()}, **fields,
    }  # fmt: skip


def transaction(**fields: Any) -> dict[str, Any]:
    trace = {"trace_id": "a" * 32, "span_id": "b" * 16, "op": "http.server", "status": "ok", **fields.pop("trace", {})}
    given = {"type": "transaction", "transaction": "/calls/{id}", "start_timestamp": START, "timestamp": START + 1.5}
    return {**given, "contexts": {"trace": trace}, **fields}


def test_a_container_of_spans_gives_its_server_roots_alone() -> None:
    named = span(attributes={"http.route": "/users/:id", "http.response.status_code": 503, "sentry.environment": "staging",
                             "sentry.release": "1.2.3"})  # fmt: skip
    inner = span(is_segment=False, parent_span_id="c" * 16)
    client = span(attributes={"sentry.op": "http.client"})
    (row,) = rows_of_spans({"version": 2, "items": [named, inner, client, 7, None]}, NOW)
    assert (row["route"], row["status_code"], row["response_time_ms"], row["method"]) == ("/users/:id", 503, 250, "GET")
    assert (row["environment"], row["release"], row["source"]) == ("staging", "1.2.3", "trace")


def test_a_span_named_by_its_method_takes_its_path_without_what_differs() -> None:
    (row,) = rows_of_spans({"items": [span(attributes={"url.path": "/calls/4821", "sentry.segment.name.source": "url"})]}, NOW)
    assert row["route"] == "/calls/{id}"


def test_a_single_span_of_the_older_form_counts_too() -> None:
    older = {"op": "http.server", "description": "POST /calls", "data": {"http.status_code": 201}, "trace_id": "a",
             "span_id": "b", "start_timestamp": START, "timestamp": START + 1, "is_segment": True}  # fmt: skip
    (row,) = rows_of_spans(older, NOW)
    assert (row["method"], row["route"], row["status_code"]) == ("POST", "/calls", 201)


def test_a_transaction_of_a_server_is_a_request_and_any_other_is_none() -> None:
    (row,) = rows_of_transaction(transaction(request={"method": "POST"}, trace={"data": {"http.response.status_code": 200}}), NOW)
    assert (row["method"], row["route"], row["response_time_ms"]) == ("POST", "/calls/{id}", 1500)
    assert not list(rows_of_transaction(transaction(trace={"op": "queue.task"}), NOW))


@pytest.mark.parametrize(
    ("word", "status"), [("ok", 200), ("internal_error", 500), ("not_found", 404), ("deadline_exceeded", 504)]
)
def test_without_a_number_the_status_word_counts(word: str, status: int) -> None:
    (row,) = rows_of_transaction(transaction(trace={"status": word}), NOW)
    assert row["status_code"] == status


def test_a_name_from_a_raw_url_loses_what_differs_and_one_of_a_framework_stays() -> None:
    raw = transaction(transaction="GET /calls/4821/notes", transaction_info={"source": "url"})
    assert next(rows_of_transaction(raw, NOW))["route"] == "/calls/{id}/notes"
    assert next(rows_of_transaction(transaction(transaction="GET /v2/calls"), NOW))["route"] == "/v2/calls"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/calls/4821?token=x#y", "/calls/{id}"), ("/calls/8c5e9d1a-2f3b-4c6d-8e9f-0a1b2c3d4e5f", "/calls/{id}"), ("/", "/"),
        ("/c/9f86d081884c7d65/x", "/c/{id}/x"), ("https://api.example.com/calls/7", "/calls/{id}"), ("/v1/listen", "/v1/listen"),
        ("/users/bob@example.com/calls", "/users/{id}/calls"), ("/leads/+14155552671", "/leads/{id}"),
        ("/process-recordings-v3", "/process-recordings-v3"),
        ("/a/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/a/{id}"), ("", "/"), ("/deadbeef", "/deadbeef"),
    ],
)  # fmt: skip
def test_raw_paths_become_routes(path: str, route: str) -> None:
    assert route_of(path, is_raw=True) == route


def test_a_declared_route_keeps_its_words_and_loses_its_query_and_what_is_private() -> None:
    assert route_of("/users/123?x=1") == "/users/123"
    assert route_of("/leads/+14155552671/notes\x00\ud800") == "/leads/[phone]/notes\ufffd\ufffd"


def test_a_hostile_trace_cannot_spoil_the_message_it_travels_in() -> None:
    rows = list(
        rows_of_transaction(
            transaction(
                transaction="/nul\x00/\ud800" + "x" * 9_000, release="\x00", environment=["\x00"], request={"method": "\x00"}
            ),
            NOW,
        )
    )
    (text,) = request_messages(rows, 1, NOW)
    assert "\\u0000" not in text
    assert "\\ud800" not in text


NAMES = st.sampled_from(
    ["items", "attributes", "contexts", "trace", "op", "is_segment", "start_timestamp", "timestamp", "data", "value"]
)
LEAVES = st.none() | st.floats() | st.text(max_size=5) | st.just("http.server")


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
def test_a_trace_of_any_shape_raises_nothing(payload: Any) -> None:
    list(rows_of_spans(payload, NOW))
    list(rows_of_transaction(payload, NOW))


def test_times_that_make_no_sense_make_no_request() -> None:
    for start, end in ((START, START - 1), ("x", START), (None, START), (float("nan"), START), (START, float("inf")), (0, START)):
        assert not list(rows_of_transaction(transaction(start_timestamp=start, timestamp=end), NOW)), (start, end)
