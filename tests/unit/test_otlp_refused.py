"""OTLP from hostile senders, and while the queue is away."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callwatch import sqs
from callwatch.exceptions import QueueUnavailable
from callwatch.ingest.otlp.wire import encode_bytes, walk_fields
from tests.support.ingest_functions import KEY
from tests.support.otlp import Otlp, attributes, frame, logs, span, traces

MIB = 1024 * 1024
JSON_KEY = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}


@pytest.fixture
def otlp(monkeypatch: pytest.MonkeyPatch) -> Otlp:
    return Otlp(monkeypatch)


@pytest.mark.parametrize(("is_throttled", "status", "code"), [(False, 503, 14), (True, 429, 8)])
def test_queue_that_is_away_makes_the_sender_repeat(
    otlp: Otlp, monkeypatch: pytest.MonkeyPatch, is_throttled: bool, status: int, code: int
) -> None:
    def refuse(_url: Any, _bodies: Any) -> None:
        raise QueueUnavailable("away", 1, is_throttled=is_throttled)

    monkeypatch.setattr(sqs, "send", refuse)
    reply = otlp.post_json("traces", traces(span(1)))
    assert (reply.status, reply.json()["code"]) == (status, code)
    assert "x-sentry-rate-limits" not in reply.headers
    # Exporters repeat by themselves; only a throttled queue asks for a pause.
    assert reply.headers.get("retry-after") == ("1" if is_throttled else None)


@pytest.mark.parametrize(
    "body",
    [b"\x0a\xff", b"\x0a", b"\xff" * 20, b"\x0b\x0c", b"{}", encode_bytes(1, b"\x12\x7f")],
    ids=["length", "no length", "endless", "group", "json", "inner"],
)
def test_broken_binary_body_is_a_bad_request(otlp: Otlp, body: bytes) -> None:
    reply = otlp.post("traces", body)
    assert (reply.status, {number: value for number, _kind, value in walk_fields(reply.body)}[1]) == (400, 3)
    assert not otlp.bodies


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"17", b"\xff\xfe\x00", b'{"resourceSpans":' + b"[" * 100_000])
def test_broken_json_body_is_a_bad_request(otlp: Otlp, body: bytes) -> None:
    reply = otlp.post("traces", body, JSON_KEY)
    assert (reply.status, reply.json()["code"]) == (400, 3)
    assert not otlp.bodies


def test_record_that_breaks_off_costs_no_other(otlp: Otlp) -> None:
    good = encode_bytes(5, encode_bytes(1, b"kept")) + b"\x10\x11"
    reply = otlp.post("logs", frame(good, b"\x0a\x7f"))
    assert reply.status == 200
    assert [event["message"] for event in otlp.events()] == ["kept"]
    assert b"rejected" not in reply.body
    assert reply.body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), signal=st.sampled_from(["traces", "logs"]), depth=st.integers(0, 3))
def test_no_bytes_break_the_function(otlp: Otlp, body: bytes, signal: str, depth: int) -> None:
    for number in (2, 2, 1)[3 - depth :]:
        body = encode_bytes(number, body)
    assert otlp.post(signal, body).status in (200, 400)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NAMES = [
    *("traceId", "spanId", "name", "kind", "attributes", "events", "status", "flags", "parentSpanId", "startTimeUnixNano"),
    *("severityNumber", "severityText", "body", "timeUnixNano", "eventName", "endTimeUnixNano"),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.dictionaries(st.sampled_from(NAMES), VALUES), signal=st.sampled_from(["traces", "logs"]))
def test_no_json_breaks_the_function(otlp: Otlp, record: Any, signal: str) -> None:
    kind = traces(record) if signal == "traces" else logs(record)
    body = json.dumps(kind).encode()
    assert otlp.post(signal, body, JSON_KEY).status in (200, 400)


def test_half_a_million_empty_spans_cost_little_memory(otlp: Otlp) -> None:
    body = encode_bytes(1, encode_bytes(2, b"\x12\x00" * (MIB // 2)))
    tracemalloc.start()
    try:
        reply = otlp.post("traces", body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The body stands there decoded, and once more for each of its two frames; protobuf's own parser needs 85 times its size.
    assert peak < 6 * len(body)
    assert reply.status in (200, 413)
    assert not otlp.bodies


def test_body_above_the_limit_is_refused(otlp: Otlp) -> None:
    reply = otlp.post("traces", b"\x12" + b"\x00" * 9 * MIB)
    assert (reply.status, "x-sentry-error" in reply.headers) == (413, False)


def test_deep_values_are_cut_off(otlp: Otlp) -> None:
    value = encode_bytes(1, b"deep")
    for _level in range(5_000):
        value = encode_bytes(5, encode_bytes(1, value))
    record = b"\x10\x11" + encode_bytes(5, value) + encode_bytes(3, b"ERROR")
    assert otlp.post("logs", frame(record)).status == 200
    assert len(otlp.events()) == 1


def test_more_errors_than_a_batch_holds_are_named(otlp: Otlp) -> None:
    records = [{"severityNumber": 17, "body": {"stringValue": f"e{number}"}} for number in range(515)]
    reply = otlp.post_json("logs", logs(*records))
    assert reply.json()["partialSuccess"]["rejectedLogRecords"] == "3"
    assert len(otlp.events()) == 512


def test_long_stack_is_cut_and_marked(otlp: Otlp) -> None:
    thrown = attributes(
        exception__type="E", exception__message="m" * 9_000, exception__stacktrace="s" * 120_000, note="n" * 5_000
    )
    otlp.post_json("logs", logs({"severityNumber": 17, "attributes": thrown}))
    (event,) = otlp.events()
    assert set(event["trimmed"]) >= {"message", "stack", "context"}
    assert len(event["message"]) <= 8_000
