"""Events above the limit, and envelopes that are large because of their attachments: the error is kept."""

import gzip
import json
import time
import uuid
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.ingest.content_encoding import MAX_DECODED_BYTES
from callwatch.ingest.sentry.items import MAX_CONTAINER_BYTES, MAX_EVENT_BYTES
from callwatch.ingest.sentry.oversize import shorten_event, shorten_trace
from tests.support.flooded_ingest import FloodedIngest, build_envelope

LONG = "x" * 2_000_000
EXCEPTION: dict[str, Any] = {"values": [{"type": "ValueError", "value": "no such call"}]}
FRAME = {"filename": "a.py", "function": "f", "lineno": 1, "vars": {f"v{number}": "y" * 300 for number in range(50)}}


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


@pytest.mark.parametrize(
    "large",
    [
        {"extra": {"body": LONG}}, {"message": LONG}, {"request": {"data": LONG}}, {"extra": {"numbers": [17] * 400_000}},
        {"breadcrumbs": {"values": [{"message": "dialed", "data": {"a": 1}}] * 40_000}}, {"extra": {"body": "\\" * 700_000}},
        {"exception": {"values": [{**EXCEPTION["values"][0], "stacktrace": {"frames": [FRAME] * 90}}]}},
        {"extra": {"body": "\N{PERSON WITH FOLDED HANDS}\u00e9" * 400_000}},
        {"tags": {"a": "b"}, "spans": [{"a": "b" * 90}] * 20_000},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["envelope", "store"])
def test_an_event_above_the_limit_is_kept_and_marked(ingest: FloodedIngest, large: dict[str, Any], path: str) -> None:
    event = {"event_id": uuid.uuid4().hex, "exception": EXCEPTION, "release": "2.4.0", **large}
    body = json.dumps(event, ensure_ascii=False).encode()
    assert len(body) > MAX_EVENT_BYTES
    packed = gzip.compress(body if path == "store" else b'{}\n{"type":"event"}\n' + body)
    send = ingest.send_to_store if path == "store" else ingest.send_envelope
    status, answer, _headers = send(packed, content_encoding="gzip")
    assert (status, answer) == (200, {"id": event["event_id"]})
    (kept,) = [message["event"] for message in ingest.sent]
    assert [kept[name] for name in ("event_id", "type", "release")] == [event["event_id"], "ValueError", "2.4.0"]
    assert kept["trimmed"][0] == "size_limit"
    assert not set(kept.get("sanitized") or []) & {"utf8", "surrogate"}


TRACE = {"trace_id": "a" * 32, "span_id": "b" * 16, "op": "http.server", "data": {"http.response.status_code": 502}}


@pytest.mark.parametrize(
    "large",
    [
        {"spans": [{"op": "db", "description": "SELECT 1"}] * 40_000}, {"contexts": {"job": {"numbers": [17] * 400_000}}},
        {"request": {"method": "PUT", "data": LONG}}, {"extra": {"contexts": LONG}},
        {"breadcrumbs": {"values": [{"m": "x"}] * 90_000}},
        {"contexts": {"b}\\\",": {"trace": [[LONG]]}}},
    ],
)  # fmt: skip
def test_a_transaction_above_the_limit_is_a_request(ingest: FloodedIngest, large: dict[str, Any]) -> None:
    now = time.time()
    event = {"type": "transaction", "transaction": "/calls/{id}", "start_timestamp": now - 1, "timestamp": now}
    event |= {"request": {"method": "PUT"}, **large, "contexts": {**large.get("contexts", {}), "trace": TRACE}}
    body = json.dumps(event).encode()
    assert len(body) > MAX_EVENT_BYTES
    status, answer, _headers = ingest.send_envelope(b'{}\n{"type":"transaction"}\n' + body)
    assert (status, answer) == (200, {})
    (row,) = [row for message in ingest.sent for row in message.get("requests", [])]
    assert (row["method"], row["route"], row["status_code"]) == ("PUT", "/calls/{id}", 502)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_can_be_shortened_as_a_trace(raw: bytes) -> None:
    for payload in (raw, b'{"contexts":' + raw + b"}", b'{"contexts":{"trace":' + raw + b'},"a":1}'):
        assert len(shorten_trace(payload, 100)) <= 100


def test_a_container_above_the_limit_of_an_event_counts(ingest: FloodedIngest) -> None:
    now = time.time()
    child = {"parent_span_id": "c" * 16, "name": "SELECT", "attributes": {"db.statement": {"value": "x" * 4_000}}}
    root = {"trace_id": "a" * 32, "span_id": "b" * 16, "is_segment": True, "start_timestamp": now - 1, "end_timestamp": now,
            "name": "GET /calls", "attributes": {"sentry.op": {"value": "http.server"}}}  # fmt: skip
    body = json.dumps({"items": [*[child] * 999, root]}).encode()
    assert MAX_EVENT_BYTES < len(body) < MAX_CONTAINER_BYTES
    assert ingest.send_envelope(b'{}\n{"type":"span"}\n' + body)[0] == 200
    assert [row["route"] for message in ingest.sent for row in message.get("requests", [])] == ["/calls"]


def test_an_event_at_the_limit_is_not_marked(ingest: FloodedIngest) -> None:
    payload = json.dumps({"message": "x"}).encode()
    for length, is_marked in ((MAX_EVENT_BYTES, False), (MAX_EVENT_BYTES + 1, True)):
        ingest.send_envelope(b'{}\n{"type":"event"}\n' + payload + b" " * (length - len(payload)))
        assert ("size_limit" in ingest.sent[-1]["event"]["trimmed"]) == is_marked


@pytest.mark.parametrize(
    "hostile",
    [b"[" * 8_000_000, b'{"a":' * 2_000_000, b'"' * 8_000_000, b"," * 8_000_000, b'{"a":"' + b"\\" * 8_000_000, b"{}" * 4_000_000,
     b'{"":0' + b',"":0' * 2_000_000 + b"}", b"\xff" * 8_000_000, b"\x00" * 8_000_000,
     b'{"a":"' + b"\\ud83d" * 1_000_000 + b'"}'],
    ids=["lists", "objects", "quotes", "commas", "escapes", "pairs", "members", "bytes", "nul", "surrogates"],
)  # fmt: skip
def test_a_hostile_one_costs_bounded_time(ingest: FloodedIngest, hostile: bytes) -> None:
    body = gzip.compress(b'{"event_id":"%b"}\n{"type":"event"}\n' % (b"a" * 32) + hostile, 1)
    started = time.process_time()
    status, answer, _headers = ingest.send_envelope(body, content_encoding="gzip")
    assert time.process_time() - started < 4
    assert (status, answer["id"]) == (200, "a" * 32)
    (message,) = ingest.sent
    assert "size_limit" in message["event"]["trimmed"]
    # Whether the members are read depends on the speed of the machine.
    assert message["event"]["type"] == "UnreadableEvent" or hostile.startswith((b'{"a":"', b'{"":0'))


@pytest.mark.parametrize(
    "body", [b"[" + b"0," * 1_000_000 + b"0]", b'{"a":' * 300_000, b"{}" * 700_000, b'{"a":1}' + b"x" * 1_500_000]
)
def test_what_is_long_and_no_object_is_400_in_store(ingest: FloodedIngest, body: bytes) -> None:
    assert ingest.send_to_store(body)[0] == 400
    assert ingest.sent == []


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=400)
    | st.text(st.sampled_from('\\"u\U0001f600d8'), max_size=400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)), max_size=6),
    st.booleans(), st.integers(20, 1_500))  # fmt: skip
def test_what_is_shortened_is_still_json(event: dict[str, Any], is_ascii: bool, limit: int) -> None:
    found = shorten_event(json.dumps(event, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"), limit)
    assert len(found) <= limit
    assert json.loads(found.decode("utf-8", "surrogatepass")).keys() <= event.keys()


def attach(body: bytes, size: int, length: int | None = None) -> bytes:
    header = json.dumps({"type": "attachment", "filename": "a.log", "length": size if length is None else length}).encode()
    return body + b"\n" + header + b"\n" + b"0" * size


@pytest.mark.parametrize("size", [0, 100, 3_000_000, MAX_DECODED_BYTES - 1_000, MAX_DECODED_BYTES, 200_000_000])
def test_an_attachment_never_costs_the_error(ingest: FloodedIngest, size: int) -> None:
    event = {"event_id": "b" * 32, "message": "with a file"}
    body = zlib.compress(attach(build_envelope(event), size), 1)
    status, answer, headers = ingest.send_envelope(body, content_encoding="deflate")
    assert (status, answer["id"]) == (200, "b" * 32)
    assert [(item["type"], item["count"]) for item in answer["rejected"]] == [("attachment", 1)]
    assert headers["x-sentry-rate-limits"] == "3600:attachment:organization"
    (message,) = ingest.sent
    assert (message["event"]["message"], message["event"]["trimmed"]) == ("with a file", [])


def test_what_is_too_large_without_an_attachment_is_413(ingest: FloodedIngest) -> None:
    for body in (
        b"0" * 30_000_000, b"{}\n" + b"0" * 30_000_000, b'{}\n{"type":"event"}\n' + b" " * 30_000_000,
        build_envelope({"message": "x"}) + b"\n" * 30_000_000,
    ):  # fmt: skip
        assert ingest.send_envelope(gzip.compress(body, 1), content_encoding="gzip")[0] == 413
    assert ingest.sent == []
