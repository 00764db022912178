"""Traces of both forms become requests."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.ingest.requests import build_request_messages
from callwatch.ingest.routes import normalize_route
from callwatch.ingest.sentry.traces import Found, list_spans, read_spans, read_transaction
from callwatch.models.work import WorkRun

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "traces"
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


def list_span_rows(spans: list[Any], now: datetime) -> list[dict[str, Any]]:
    return [found for found in read_spans(spans, now) if isinstance(found, dict)]


def list_transaction_rows(event: Any, now: datetime) -> list[dict[str, Any]]:
    found = read_transaction(event, now)
    return [found] if isinstance(found, dict) else []


def read_fixture(name: str) -> list[Found]:
    """What becomes of the transactions that a real client sent; tests/fixtures/traces says which."""
    lines = (FOLDER / f"{name}.jsonl").read_text().splitlines()
    return [found for line in lines if (found := read_transaction(json.loads(line), NOW)) is not None]


def list_requests(name: str) -> list[tuple[str, str, int | None, bool]]:
    rows = [row for row in read_fixture(name) if isinstance(row, dict)]
    return [(row["method"], row["route"], row["status_code"], row["has_failed"]) for row in rows]


def list_runs(name: str) -> list[tuple[str, str, bool]]:
    return [(run.kind, run.name, run.has_failed) for run in read_fixture(name) if isinstance(run, WorkRun)]


def test_a_container_of_spans_gives_its_server_roots_alone() -> None:
    named = span(attributes={"http.route": "/users/:id", "http.response.status_code": 503, "sentry.environment": "staging",
                             "sentry.release": "1.2.3"})  # fmt: skip
    inner = span(is_segment=False, parent_span_id="c" * 16)
    client = span(attributes={"sentry.op": "http.client"})
    (row,) = list_span_rows(list_spans({"version": 2, "items": [named, inner, client, 7, None]}), NOW)
    assert (row["route"], row["status_code"], row["response_time_ms"], row["method"]) == ("/users/:id", 503, 250, "GET")
    assert (row["environment"], row["release"], row["source"]) == ("staging", "1.2.3", "trace")


def test_span_named_by_method_gets_a_normalized_path() -> None:
    (row,) = list_span_rows([span(attributes={"url.path": "/calls/4821", "sentry.segment.name.source": "url"})], NOW)
    assert row["route"] == "/calls/{id}"


def test_a_single_span_of_the_older_form_counts_too() -> None:
    older = {"op": "http.server", "description": "POST /calls", "data": {"http.status_code": 201}, "trace_id": "a",
             "span_id": "b", "start_timestamp": START, "timestamp": START + 1, "is_segment": True}  # fmt: skip
    (row,) = list_span_rows(list_spans(older), NOW)
    assert (row["method"], row["route"], row["status_code"]) == ("POST", "/calls", 201)


def test_only_a_server_transaction_is_a_request() -> None:
    (row,) = list_transaction_rows(
        transaction(request={"method": "POST"}, trace={"data": {"http.response.status_code": 200}}), NOW
    )
    assert (row["method"], row["route"], row["response_time_ms"]) == ("POST", "/calls/{id}", 1500)
    assert not list(list_transaction_rows(transaction(trace={"op": "queue.task"}), NOW))


@pytest.mark.parametrize(
    ("word", "status"), [("ok", 200), ("internal_error", 500), ("not_found", 404), ("deadline_exceeded", 504)]
)
def test_without_a_number_the_status_word_counts(word: str, status: int) -> None:
    (row,) = list_transaction_rows(transaction(trace={"status": word}), NOW)
    assert row["status_code"] == status


def test_raw_url_is_normalized_and_a_route_name_stays() -> None:
    raw = transaction(transaction="GET /calls/4821/notes", transaction_info={"source": "url"})
    assert list_transaction_rows(raw, NOW)[0]["route"] == "/calls/{id}/notes"
    assert list_transaction_rows(transaction(transaction="GET /v2/calls"), NOW)[0]["route"] == "/v2/calls"


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
    assert normalize_route(path, is_raw=True) == route


def test_declared_route_loses_query_and_private_data() -> None:
    assert normalize_route("/users/123?x=1") == "/users/{id}"
    assert normalize_route("/leads/+14155552671/notes\x00\ud800") == "/leads/[phone]/notes\ufffd\ufffd"


def test_a_hostile_trace_cannot_spoil_the_message_it_travels_in() -> None:
    rows = list(
        list_transaction_rows(
            transaction(
                transaction="/nul\x00/\ud800" + "x" * 9_000, release="\x00", environment=["\x00"], request={"method": "\x00"}
            ),
            NOW,
        )
    )
    (text,) = build_request_messages(rows, 1, NOW)
    assert "\\u0000" not in text
    assert "\\ud800" not in text


NAMES = st.sampled_from(
    ["items", "attributes", "contexts", "trace", "op", "is_segment", "start_timestamp", "timestamp", "data", "value"]
)
LEAVES = st.none() | st.floats() | st.text(max_size=5) | st.just("http.server")


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
def test_a_trace_of_any_shape_raises_nothing(payload: Any) -> None:
    list(list_span_rows(list_spans(payload), NOW))
    list(list_transaction_rows(payload, NOW))


def test_times_that_make_no_sense_make_no_request() -> None:
    for start, end in ((START, START - 1), ("x", START), (None, START), (float("nan"), START), (START, float("inf")), (0, START)):
        assert not list(list_transaction_rows(transaction(start_timestamp=start, timestamp=end), NOW)), (start, end)


def test_next_js_sends_three_roots_for_one_request() -> None:
    # Of ten requests through the middleware, the SDK itself leaves out those with 401, 404 and a redirect.
    assert list_requests("next") == [
        ("GET", "/api/ok", 200, False),
        ("GET", "/api/fail", 500, True),
        ("GET", "/api/edge", 418, False),
        ("GET", "/page", 200, False),
        ("GET", "/api/ok", 200, False),
        ("GET", "/slow", 500, True),
    ]


def test_express_and_fastify_count_one_by_one() -> None:
    assert list_requests("express_fastify") == [
        ("GET", "/calls/:id", 200, False),
        ("GET", "/fail", 500, True),
        ("GET", "/gone", 410, False),
        # The client closed the connection before a response began.
        ("GET", "/abort", None, False),
        ("GET", "/users/:id", 200, False),
        ("GET", "/boom", 500, True),
    ]


@pytest.mark.parametrize(
    ("name", "routes"),
    [
        ("flask", ["c", "f", "g", "/none/{id}"]),
        ("fastapi", ["/calls/{i}", "/fail", "/gone", "/none/{id}"]),
        ("django", ["/calls/{i}", "/fail", "/gone", "/none/{id}"]),
    ],
)
def test_frameworks_of_python_count_one_by_one(name: str, routes: list[str]) -> None:
    statuses = [(200, False), (500, True), (410, False), (404, False)]
    assert list_requests(name) == [("GET", route, *status) for route, status in zip(routes, statuses, strict=True)]


def test_rails_keeps_the_action_of_a_controller() -> None:
    assert list_requests("rails") == [
        ("GET", "CallsController#show", 200, False),
        ("DELETE", "Admin::CallsController#destroy", 500, True),
        ("GET", "/up", None, False),
    ]
    assert list_runs("rails") == [("job", "Sidekiq/SyncCalls", True)]


def test_names_without_a_source_lose_the_ids_of_their_path() -> None:
    # sentry-go 0.11 reports no status.
    assert list_requests("go") == [("GET", route, None, False) for route in ("/orders/{id}", "/orders/{id}", "/boom/{id}")]
    assert list_requests("rack") == [
        ("GET", "OrdersController#show", 200, False),
        ("GET", "OrdersController#show", 200, False),
        ("GET", "/missing/{id}", 404, False),
        ("GET", "/boom/{id}", 500, True),
        ("GET", "/boom/{id}", 500, True),
    ]


def test_functions_and_tasks_are_work() -> None:
    assert list_runs("celery") == [("job", "calls.sync", False), ("job", "calls.fail", True)] * 2
    assert list_runs("lambda") == [("function", "process-recordings", False)]
    assert list_requests("celery") == list_requests("lambda") == []


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("function.aws", "function"), ("function.aws.lambda", "function"), ("function.gcp.http", "function"),
        ("queue.task", "job"), ("queue.task.rq", "job"), ("queue.process", "job"), ("queue.sidekiq", "job"),
        ("celery.task", "job"), ("queue.publish", None), ("queue.submit.celery", None), ("http.server.middleware", None),
        ("pageload", None), ("function.nextjs", None), ("", None), ("function.aws" + "x" * 10**6, None),
    ],
)  # fmt: skip
def test_operations_are_matched_whole(op: str, kind: str | None) -> None:
    found = read_transaction(transaction(trace={"op": op}), NOW)
    assert (found.kind if isinstance(found, WorkRun) else found) == kind


def test_work_in_spans_counts_too() -> None:
    attributes = {"sentry.op": "queue.process", "sentry.environment": "staging"}
    (run,) = read_spans([span(attributes=attributes, name="sync_calls", status="error")], NOW)
    assert isinstance(run, WorkRun)
    assert (run.kind, run.name, run.environment, run.took_ms, run.has_failed) == ("job", "sync_calls", "staging", 250, True)


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ({"status": None}, (None, False)), ({"status": "ok"}, (200, False)),
        # SDKs on OpenTelemetry write "ok" where nobody said anything.
        ({"status": "ok", "data": {"sentry.origin": "auto.http"}}, (None, False)),
        ({"status": "error"}, (None, True)), ({"status": "unknown"}, (None, False)), ({"status": "internal_error"}, (500, True)),
    ],
)  # fmt: skip
def test_a_status_that_was_never_sent_is_unknown(trace: dict[str, Any], expected: tuple[int | None, bool]) -> None:
    (row,) = list_transaction_rows(transaction(trace=trace), NOW)
    assert (row["status_code"], row["has_failed"]) == expected


@pytest.mark.parametrize("tags", [{"http.status_code": "503"}, [["http.status_code", "503"], ["x"], 7, [{}, 1]]])
def test_older_sdks_keep_the_status_in_a_tag(tags: Any) -> None:
    (row,) = list_transaction_rows(transaction(tags=tags, trace={"status": None}), NOW)
    assert row["status_code"] == 503


@pytest.mark.parametrize(("sent", "word"), [("418", "invalid_argument"), ("302", "ok")])
def test_sdks_for_php_keep_the_status_in_the_trace(sent: str, word: str) -> None:
    (row,) = list_transaction_rows(transaction(trace={"status": word, "tags": {"http.status_code": sent}}), NOW)
    assert row["status_code"] == int(sent)


@pytest.mark.parametrize(
    ("given", "method"),
    [({}, "_OTHER"), ({"request": {"method": "brew"}}, "_OTHER"), ({"request": {"method": 7}}, "_OTHER"),
     ({"transaction": "put /calls/{id}"}, "PUT"), ({"request": {"method": "head"}}, "HEAD")],
)  # fmt: skip
def test_a_method_that_was_not_sent_is_no_get(given: dict[str, Any], method: str) -> None:
    (row,) = list_transaction_rows(transaction(**given), NOW)
    assert row["method"] == method


def test_a_fragment_is_cut_from_a_path_alone() -> None:
    assert normalize_route("CallsController#show") == "CallsController#show"
    assert normalize_route("CallsController#show?token=x") == "CallsController#show"
    assert normalize_route("/calls#ana@example.com") == "/calls"
    assert normalize_route("https://example.com/calls#x", is_raw=True) == "/calls"
