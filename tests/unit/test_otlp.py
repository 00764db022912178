"""OTLP over HTTP: requests and errors out of what real exporters send, in both encodings."""

import subprocess
import sys
from typing import Any

import pytest

from callwatch.ingest.otlp import accept as accept_module
from callwatch.ingest.otlp.wire import walk_fields
from tests.support.ingest_functions import KEY, ROOT
from tests.support.otlp import CLIENT, Otlp, attributes, logs, span, traces

JSON_TYPE, PROTOBUF_TYPE = "application/json", "application/x-protobuf"


@pytest.fixture
def otlp(monkeypatch: pytest.MonkeyPatch) -> Otlp:
    return Otlp(monkeypatch)


def read_fields(body: bytes) -> dict[int, Any]:
    return {number: value for number, _kind, value in walk_fields(body)}


def test_python_exporter_sends_requests_and_exceptions(otlp: Otlp) -> None:
    reply = otlp.replay("python_traces")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, PROTOBUF_TYPE, b"")
    assert [(row["method"], row["route"], row["status_code"]) for row in otlp.rows()] == [
        ("GET", "/calls/{id}", 500), ("POST", "/webhooks/{id}", 202), ("GET", "/gone", None), ("POST", "/analyze", 200),
    ]  # fmt: skip
    assert {(row["environment"], row["release"]) for row in otlp.rows()} == {("staging", "2.4.0")}
    # The exception was recorded by two spans and by the handler: it happened once.
    error, timeout = otlp.events()
    assert (error["type"], error["endpoint"], error["level"]) == ("ValueError", "GET /calls/{id}", "error")
    assert (error["environment"], error["release"], error["service"]) == ("staging", "2.4.0", "dialer")
    assert "in find_call" in error["stack"]
    assert error["tags"] == {"call.id": "17"}
    assert (timeout["type"], timeout["endpoint"]) == ("TimeoutError", "POST /analyze")


def test_prompts_and_private_data_never_enter_the_queue(otlp: Otlp) -> None:
    otlp.replay("python_traces")
    said = logs(
        {"severityNumber": 17, "timeUnixNano": "1", "eventName": "gen_ai.user.message", "body": {"stringValue": "SECRET-A"}},
        {"severityNumber": 17, "timeUnixNano": "2", "body": {"kvlistValue": {"values": attributes(prompt="SECRET-B", size=3)}}},
        {"severityNumber": 17, "body": {"stringValue": "x"}, "attributes": attributes(gen_ai__input__messages="SECRET-C")},
        {"severityNumber": 17, "body": {"stringValue": "y"}, "attributes": attributes(llm__completion="SECRET-D")},
        {"severityNumber": 17, "body": {"stringValue": "z"}, "attributes": attributes(user__email="joe.doe@example.org")},
    )
    assert otlp.post_json("logs", said).status == 200
    queue = "\n".join(otlp.bodies)
    assert len(otlp.events()) == 7
    assert "SECRET" not in queue
    assert "jane.roe" not in queue
    assert "joe.doe" not in queue
    assert otlp.events()[-1]["user_hash"]


def test_node_exporters_say_the_same_in_both_encodings(otlp: Otlp) -> None:
    as_json, as_protobuf = otlp.replay("node_traces_json"), otlp.replay("node_traces_protobuf")
    assert (as_json.status, as_json.headers["content-type"], as_json.json()) == (200, JSON_TYPE, {})
    assert (as_protobuf.status, as_protobuf.body) == (200, b"")
    first, second = otlp.rows()
    own = ("request_id", "at", "response_time_ms")
    assert {k: v for k, v in first.items() if k not in own} == {k: v for k, v in second.items() if k not in own}
    assert (first["method"], first["route"], first["status_code"]) == ("POST", "/api/calls/[id]", 500)
    kept = ("type", "message", "stack", "endpoint", "release", "service", "platform", "tags", "sdk")
    one, two = ({name: event[name] for name in kept} for event in otlp.events())
    assert one == two
    assert (one["type"], one["platform"], one["tags"]) == ("TypeError", "node", {"call.id": "c-9"})


def test_only_log_records_of_errors_become_occurrences(otlp: Otlp) -> None:
    assert otlp.replay("python_logs").status == 200
    found = [(event["message"], event["type"], event["level"], event["severity"]) for event in otlp.events()]
    # Critical ones go to their own queue, which is sent first.
    assert found == [
        ("out of workers", None, "fatal", "critical"),
        ("sync of agency 4 failed", None, "error", "medium"),
        ("division by zero", "ZeroDivisionError", "error", "medium"),
    ]
    assert otlp.events()[1]["tags"] == {"call.id": "18"}
    assert otlp.events()[2]["logentry"]["message"] == "job broke"


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ({"severityNumber": 16}, None), ({"severityNumber": 17}, "error"), ({"severityNumber": 24}, "fatal"),
        ({"severityNumber": "SEVERITY_NUMBER_ERROR2"}, "error"), ({"severityText": "Error"}, "error"),
        ({"severityText": "CRITICAL"}, "fatal"), ({"severityText": "WARN"}, None), ({"severityText": "loud"}, None), ({}, None),
    ],
)  # fmt: skip
def test_severity_decides_by_number_or_else_by_word(otlp: Otlp, record: dict[str, Any], level: str | None) -> None:
    assert otlp.post_json("logs", logs({"body": {"stringValue": "broken"}, **record})).status == 200
    assert [event["level"] for event in otlp.events()] == ([level] if level else [])


def test_sentry_sdk_sends_to_its_own_path(otlp: Otlp) -> None:
    assert otlp.replay("sentry_python_traces").status == 200
    assert [(row["method"], row["route"], row["status_code"]) for row in otlp.rows()] == [("GET", "/orders/{id}", 200)]


@pytest.mark.parametrize("path", ["otlp/v1/{}", "otlp/v1/{}/", "integration/otlp/v1/{}", "integration/otlp/v1/{}/"])
@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_each_path_is_served(otlp: Otlp, path: str, signal: str) -> None:
    assert otlp.post(signal, b"", path=path).status == 200


def test_metrics_are_not_served(otlp: Otlp) -> None:
    assert otlp.post("metrics", b"").status == 404


@pytest.mark.parametrize(
    "header",
    [{"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"x-sentry-auth": f"sentry sentry_key={KEY}"}],
)
def test_key_comes_as_token_or_as_sentry_sends_it(otlp: Otlp, header: dict[str, str]) -> None:
    assert otlp.post("traces", b"", header).status == 200
    assert otlp.post("traces", b"", query=f"sentry_key={KEY}").status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({}, 401, 16), ({"authorization": "Bearer " + "9" * 32}, 401, 16), ({"authorization": "Bearer " + "e" * 32}, 403, 7)],
)
def test_refusal_is_a_status_in_the_encoding_of_the_request(otlp: Otlp, headers: dict[str, str], status: int, code: int) -> None:
    reply = otlp.post("traces", b"", headers)
    assert (reply.status, reply.headers["content-type"]) == (status, PROTOBUF_TYPE)
    fields = read_fields(reply.body)
    assert fields[1] == code
    assert b"key" in fields[2]
    as_json = otlp.post("traces", b"{}", {**headers, "content-type": JSON_TYPE})
    assert (as_json.status, as_json.json()["code"], as_json.json()["message"]) == (status, code, fields[2].decode())
    # Our own form stays next to it.
    assert as_json.json()["error"]["message"] == fields[2].decode()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-sentry-envelope", ""])
def test_other_content_types_are_refused(otlp: Otlp, content_type: str) -> None:
    reply = otlp.post("traces", b"", {"authorization": f"Bearer {KEY}", "content-type": content_type})
    assert (reply.status, read_fields(reply.body)[1]) == (415, 3)


def test_what_is_not_accepted_is_a_partial_success(otlp: Otlp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_module, "MAX_RECORDS", 2)
    reply = otlp.post_json("traces", traces(span(1), span(2), span(3), span(4)))
    why = "a request must have at most 2 records"
    assert (reply.status, reply.json()) == (200, {"partialSuccess": {"rejectedSpans": "2", "errorMessage": why}})
    assert len(otlp.rows()) == 2
    broken = otlp.post_json("logs", logs(7, {"severityNumber": 17, "body": {"stringValue": "kept"}}))
    assert broken.json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert [event["message"] for event in otlp.events()] == ["kept"]


def test_binary_partial_success_names_how_many(otlp: Otlp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_module, "MAX_RECORDS", 3)
    reply = otlp.replay("python_traces")
    partial = read_fields(read_fields(reply.body)[1])
    assert (reply.status, partial[1], partial[2]) == (200, 5, b"a request must have at most 3 records")


def test_server_span_inside_another_is_one_request(otlp: Otlp) -> None:
    outer = span(1, spanId="a" * 16)
    inner = span(1, spanId="b" * 16, parentSpanId="a" * 16, name="handleRequest")
    # The parent was sent before; the flags say that it is in the same process, or in another one.
    local = span(2, parentSpanId="c" * 16, flags=0x101)
    remote = span(3, parentSpanId="c" * 16, flags=0x301)
    unknown = span(4, parentSpanId="c" * 16)
    assert otlp.post_json("traces", traces(outer, inner, local, remote, unknown, span(5, kind=CLIENT))).status == 200
    assert len(otlp.rows()) == 3


def test_old_names_are_read_and_a_missing_status_is_unknown(otlp: Otlp) -> None:
    old = span(1, name="GET", attributes=attributes(http__method="GET", http__target="/calls/12345?key=x", http__status_code=404))
    bare = span(2, name="POST /jobs", status={"code": 2})
    odd = span(3, attributes=attributes(http__request__method="PURGE", http__route="/x", http__response__status_code=99))
    assert otlp.post_json("traces", traces(old, bare, odd)).status == 200
    found = [(row["method"], row["route"], row["status_code"], row["has_failed"]) for row in otlp.rows()]
    assert found == [("GET", "/calls/{id}", 404, False), ("POST", "/jobs", None, True), ("_OTHER", "/x", None, False)]


def test_span_without_an_end_is_rejected(otlp: Otlp) -> None:
    reply = otlp.post_json("traces", traces(span(1, endTimeUnixNano="0"), span(2, startTimeUnixNano=str(2**63)), span(3)))
    assert reply.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert len(otlp.rows()) == 1


def test_repeated_request_has_the_same_ids(otlp: Otlp) -> None:
    for _attempt in range(2):
        otlp.replay("python_traces")
        otlp.replay("python_logs")
    ids = [event["event_id"] for event in otlp.events()]
    assert (len(ids), len(set(ids))) == (10, 5)
    assert len({row["request_id"] for row in otlp.rows()}) == len(otlp.rows()) // 2


def test_records_without_a_time_are_not_one(otlp: Otlp) -> None:
    otlp.post_json("logs", logs(*[{"severityNumber": 17, "body": {"stringValue": "same"}}] * 2))
    assert len({event["event_id"] for event in otlp.events()}) == 2


def test_qualified_type_is_split_as_sentry_does(otlp: Otlp) -> None:
    thrown = attributes(
        exception__type="com.acme.CallException", exception__message="m", exception__stacktrace="at a.b(C.java:1)"
    )
    events = [{"name": "exception", "timeUnixNano": "1700000000000000000", "attributes": thrown}]
    otlp.post_json("traces", traces(span(1, kind=CLIENT, events=events)))
    (event,) = otlp.events()
    assert (event["type"], event["exceptions"][0]["module"]) == ("CallException", "com.acme")


def test_ingest_loads_no_otlp_for_other_requests() -> None:
    code = "import sys, ingest_envelope; print([name for name in sys.modules if name.startswith('callwatch.ingest.otlp.')])"
    environ = {"PYTHONPATH": "../shared:."}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT / "functions", env=environ)
    assert found.stdout.strip() == "['callwatch.ingest.otlp.paths']"
