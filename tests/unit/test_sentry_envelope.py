"""Envelopes: rejected items, and hostile events."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.events.event import finish_event
from callwatch.exceptions import RequestRefused
from callwatch.ingest.sentry.convert import build_stub, convert
from callwatch.ingest.sentry.envelope import MAX_ITEMS, load, load_marked, parse
from callwatch.ingest.sentry.items import MAX_CONTAINER_BYTES, MAX_EVENT_BYTES, take
from callwatch.ingest.sentry.rate_limits import delay_kinds, refuse_kinds
from callwatch.runtime.responses import find_status

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def taken(body: bytes) -> list[dict[str, Any]]:
    return take(*parse(body), "key", NOW).events


def test_payload_ends_by_length_or_else_by_line() -> None:
    attachment = b'{"type":"attachment","length":6}\n\x00\n{}\n\xff\n\n'
    body = b'{"event_id":"1"}\n' + attachment + b'{"type":"event"}\n{"a":1}\n{"type":"x","length":0}\n\n'
    headers, items, rest = parse(body)
    assert rest is None
    assert headers == {"event_id": "1"}
    assert [(item.kind, item.payload) for item in items] == [
        ("attachment", b"\x00\n{}\n\xff"), ("event", b'{"a":1}'), ("x", b""),
    ]  # fmt: skip


def test_envelope_with_crlf_or_no_last_newline_is_read() -> None:
    assert [item.payload for item in parse(b'{}\r\n{"type":"event"}\r\n{"a":1}\r\n')[1]] == [b'{"a":1}\r']
    assert [item.payload for item in parse(b'{}\n{"type":"event"}\n{"a":1}')[1]] == [b'{"a":1}']
    assert parse(b"{}") == ({}, [], None)


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"nope\n", b"[]\n", b"null", b'{}\n{"type":"event","length":9}\n{}', b"{}\nnope\n",
     b'{}\n{"type":"a","length":-1}\n{}',
    b'{}\n{"type":"a","length":true}\n{}', b'{}\n{"type":"a","length":1e9}\n{}', b'{}\n{"type":"a","length":"2"}\n{}',
    b'{}\n{"type":"session"}\n{}\nnope', b"{}\n" + b'{"type":"a"}\n{}\n' * (MAX_ITEMS + 1)],
)  # fmt: skip
def test_a_broken_frame_with_nothing_in_it_that_is_taken_is_400(body: bytes) -> None:
    with pytest.raises(RequestRefused) as caught:
        taken(body)
    assert find_status(caught.value) == 400


def envelope(*items: bytes, header: bytes = b'{"event_id":"%b"}' % (b"a" * 32)) -> bytes:
    return b"\n".join([header, *items])


GOOD = b'{"type":"event"}\n{"message":"good","event_id":"%b"}' % (b"b" * 32)
TRANSACTION = (
    b'{"type":"transaction"}\n'
    + json.dumps(
        {"transaction": "GET /x", "start_timestamp": 1, "timestamp": 2, "contexts": {"trace": {"op": "http.server"}}}
    ).encode()
)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b'{"type":"event","length":99}\n{"message":"cut', "its envelope breaks off"),
        (b"nope", "its envelope breaks off"),
        (b'{"type":"attachment","length":99}\ncut', ""),
        (b'{"type":"transaction"}\n{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', ""),
        (b'{"type":"span"}\n{"a":"' + b"x" * MAX_CONTAINER_BYTES + b'"}', ""),
        (b'{"type":"session"}\n{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', ""),
    ],
)
def test_a_bad_item_takes_no_good_one_down(bad: bytes, message: str) -> None:
    body = envelope(GOOD, bad)
    events = taken(body)
    assert (events[0]["message"], events[0]["event_id"]) == ("good", "b" * 32)
    assert [(message in event["message"], event["event_id"]) for event in events[1:]] == [(True, "a" * 32)] * bool(message)
    assert all(event["sanitized"] == ["unreadable"] for event in events[1:])
    assert taken(body) == events, "sent again it is the same"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b'{"type":"event","length":4}\n{"message":"cut"}', "could not be read"),
        (b'{"type":"event"}\nnull', "it is not a JSON object"),
    ],
)
def test_a_bad_event_is_kept_as_one_and_rows_remain(bad: bytes, message: str) -> None:
    found = take(*parse(envelope(TRANSACTION, bad)), "key", NOW)
    assert [row["route"] for row in found.rows] == ["/x"]
    assert [event["sanitized"] for event in found.events] == [["unreadable"]] * len(found.events)
    assert message in found.events[0]["message"]


def test_items_over_the_cap_of_their_type_are_named() -> None:
    events = [b'{"type":"event"}\n{"message":"number %d"}' % number for number in range(400)]
    spans = [b'{"type":"span"}\n{}'] * 150
    found = take(*parse(envelope(*events, TRANSACTION, TRANSACTION, TRANSACTION, *spans)), "key", NOW)
    assert [event["message"] for event in found.events] == ["number 0"]
    assert len(found.rows) == 1
    assert {kind: count for (kind, _reason), count in found.rejected.items()} == {"event": 399, "transaction": 2, "span": 50}
    assert all("at most" in reason for _kind, reason in found.rejected)


def test_spans_over_the_cap_of_a_container_are_named() -> None:
    container = b'{"type":"span"}\n' + json.dumps({"items": [{}] * 1_234}).encode()
    found = take(*parse(envelope(container)), "key", NOW)
    assert found.rejected == {("span", "a container must have at most 1000 spans"): 234}


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_be_refused(raw: bytes) -> None:
    for body in (raw, b"{}\n" + raw, b'{}\n{"type":"event"}\n' + raw):
        try:
            taken(body)
        except RequestRefused as error:
            assert find_status(error) == 400  # noqa: PT017 - bytes may by chance be an envelope


def test_hostile_json_is_read_as_far_as_it_goes_and_marked() -> None:
    deep = b'{"message": "kept", "extra": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}, "level": "fatal"}'
    payload, marks = load_marked(deep)
    assert (payload["message"], payload["level"], marks) == ("kept", "fatal", ["depth"])
    assert load_marked(b'{"message": "caf\xe9"}') == ({"message": "caf\ufffd"}, ["utf8"])
    assert load(b'{"a": 1e400000, "b": ' + b"9" * 5_000 + b"}") == {"a": math.inf, "b": math.inf}
    assert load_marked(b'{"a": 1, "b": {"a": 1, "a": 2}}') == ({"a": 1, "b": {"a": 2}}, ["duplicate"])
    for broken in (b"[" * 100_000, b'{"a":' * 100_000, b"nope", b""):
        assert load(broken) is None


def test_a_message_keeps_the_stack_in_which_it_was_captured() -> None:
    def thread(name: str, **fields: Any) -> dict[str, Any]:
        return {"stacktrace": {"frames": [{"function": name}]}, **fields}

    idle, current, crashed = thread("idle"), thread("mine", current=True, crashed=False), thread("dead", crashed=True)
    for values, shown in (([idle, current], "mine"), ([idle, current, crashed], "dead"), ([idle], "idle"), ([7, idle], "idle")):
        for threads in (values, {"values": values}):
            assert convert({"message": "x", "threads": threads}, "key")["frames"] == [{"function": shown}]
    assert convert({"message": "x", "threads": [idle, idle]}, "key")["frames"] is None


def test_an_event_that_cannot_be_read_is_kept_with_its_beginning() -> None:
    event = finish_event(build_stub("cut", b'{"message": "cut in the middle", "phone": "415-555-2671'), NOW)
    assert (event["message"], event["sanitized"], event["type"]) == ("cut", ["unreadable"], "UnreadableEvent")
    assert event["context"] == {"payload": '{"message": "cut in the middle", "phone": "[phone]'}


@given(
    st.dictionaries(
        st.sampled_from(
            ["message", "logentry", "exception", "level", "tags", "user", "request", "extra", "contexts", "breadcrumbs",
             "threads", "sdk", "fingerprint", "timestamp", "environment", "release", "transaction", "server_name", "event_id"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["values", "frames", "stacktrace", "type", "value", "id"]), inner, max_size=3),
            max_leaves=12,
        ),
    )
)  # fmt: skip
def test_an_event_of_any_shape_becomes_one_of_ours(payload: dict[str, Any]) -> None:
    event = finish_event(convert(payload, "key"), NOW)
    json.dumps(event, allow_nan=False, ensure_ascii=False).encode()
    assert event["severity"] in ("low", "medium", "high", "critical")


def test_only_what_is_not_taken_is_refused_by_its_category() -> None:
    kinds = [
        "event",
        "session",
        "sessions",
        "client_report",
        "replay_event",
        "check_in",
        "statsd",
        "log",
        "feedback",
        "user_report",
        "span",
    ]
    assert refuse_kinds(kinds) == {"x-sentry-rate-limits": "3600:metric_bucket;replay:organization"}
    assert refuse_kinds(["profile_chunk"]) == {"x-sentry-rate-limits": "3600:profile;profile_chunk:organization"}
    assert refuse_kinds(["trace_metric", "raw_security"]) == {"x-sentry-rate-limits": "3600:security;trace_metric:organization"}
    assert refuse_kinds(["event", "transaction", "span", "client_report", ""]) == {}


def test_a_type_that_is_no_word_refuses_nothing_at_all() -> None:
    # An empty list of categories would mute the SDK completely.
    assert refuse_kinds(["a:b", "x\r\nset-cookie: y", "Über", ";", "9"]) == {}
    assert refuse_kinds(["future_item", "a,b"]) == {"x-sentry-rate-limits": "3600:future_item:organization"}
    assert len(refuse_kinds(f"kind_{'a' * number}" for number in range(500))["x-sentry-rate-limits"]) < 1_000


def test_a_busy_queue_mutes_what_was_sent_and_nothing_else() -> None:
    assert delay_kinds(["event", "attachment", "replay_event"]) == {"retry-after": "1", "x-sentry-rate-limits": "1:error:key"}
    assert delay_kinds(["log", "session"]) == {"retry-after": "1", "x-sentry-rate-limits": "1:log_item;session:key"}
