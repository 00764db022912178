"""Envelopes, what is refused of them, and what is read of an event that is hostile."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.http import HttpError
from callwatch.tracker.event import finish_event
from callwatch.tracker.sentry.convert import convert, stub
from callwatch.tracker.sentry.envelope import MAX_ITEMS, load, load_marked, parse
from callwatch.tracker.sentry.refuse import busy, refusal
from callwatch.tracker.sentry.take import MAX_EVENT_BYTES, take

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def taken(body: bytes) -> list[dict[str, Any]]:
    events, _rows = take(*parse(body), "key", NOW)
    return events


def test_payloads_are_taken_by_their_length_and_without_one_by_their_line() -> None:
    attachment = b'{"type":"attachment","length":6}\n\x00\n{}\n\xff\n\n'
    body = b'{"event_id":"1"}\n' + attachment + b'{"type":"event"}\n{"a":1}\n{"type":"x","length":0}\n\n'
    headers, items, rest = parse(body)
    assert rest is None
    assert headers == {"event_id": "1"}
    assert [(item.kind, item.payload) for item in items] == [
        ("attachment", b"\x00\n{}\n\xff"), ("event", b'{"a":1}'), ("x", b""),
    ]  # fmt: skip


def test_an_envelope_of_windows_lines_and_one_without_a_last_line_are_read() -> None:
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
    with pytest.raises(HttpError) as caught:
        taken(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b'{"type":"event","length":99}\n{"message":"cut', "its envelope breaks off"),
        (b'{"type":"event","length":4}\n{"message":"cut"}', "could not be read"),
        (b"nope", "its envelope breaks off"),
        (b'{"type":"event"}\nnull', "it is no JSON object"),
        (b'{"type":"event"}\n{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', "it is longer than"),
        (b'{"type":"attachment","length":99}\ncut', ""),
        (b'{"type":"transaction"}\n{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', ""),
    ],
)
def test_a_bad_item_takes_nothing_down_that_stands_beside_it(bad: bytes, message: str) -> None:
    header_id, own_id = "a" * 32, "b" * 32
    good = b'{"type":"event"}\n{"message":"good","event_id":"%b"}\n' % own_id.encode()
    body = b'{"event_id":"%b"}\n' % header_id.encode() + good + b'{"type":"event"}\n{"message":"without an id"}\n' + bad
    events = taken(body)
    assert [event["message"] for event in events[:2]] == ["good", "without an id"]
    assert [event["event_id"] for event in events[:2]] == [own_id, header_id]
    marked = [event for event in events if event["mended"]]
    assert len(marked) == len(events) - 2 == (1 + (b'"length":4' in bad) if message else 0)
    assert all(message in event["message"] for event in marked[-1:])
    assert taken(body) == events, "sent again it is the same"
    assert len({event["event_id"] for event in events}) == len(events)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_be_refused(raw: bytes) -> None:
    for body in (raw, b"{}\n" + raw, b'{}\n{"type":"event"}\n' + raw):
        try:
            taken(body)
        except HttpError as error:
            assert error.status == 400  # noqa: PT017 - bytes may by chance be an envelope


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
    event = finish_event(stub("cut", b'{"message": "cut in the middle", "phone": "415-555-2671'), NOW)
    assert (event["message"], event["mended"], event["type"]) == ("cut", ["unreadable"], "UnreadableEvent")
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
    assert refusal(kinds) == {"x-sentry-rate-limits": "3600:feedback;log_item;metric_bucket;monitor;replay;session:organization"}
    assert refusal(["profile_chunk"]) == {"x-sentry-rate-limits": "3600:profile;profile_chunk:organization"}
    assert refusal(["trace_metric", "raw_security"]) == {"x-sentry-rate-limits": "3600:security;trace_metric:organization"}
    assert refusal(["event", "transaction", "span", "client_report", ""]) == {}


def test_a_type_that_is_no_word_refuses_nothing_at_all() -> None:
    # An empty list of categories would mute the SDK altogether.
    assert refusal(["a:b", "x\r\nset-cookie: y", "Über", ";", "9"]) == {}
    assert refusal(["future_item", "a,b"]) == {"x-sentry-rate-limits": "3600:future_item:organization"}
    assert len(refusal(f"kind_{'a' * number}" for number in range(500))["x-sentry-rate-limits"]) < 1_000


def test_a_busy_queue_mutes_what_was_sent_and_nothing_else() -> None:
    assert busy(["event", "attachment", "session"]) == {"retry-after": "1", "x-sentry-rate-limits": "1:error:key"}
