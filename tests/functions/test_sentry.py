"""The Sentry protocol on the running system: real SDK, every encoding, hostile bodies."""

import gzip
import json
import random
import uuid
import zlib
from typing import Any, cast

import brotli
import psycopg2
import pytest
import sentry_sdk
import zstandard

from local.system import System


def envelope(event: dict[str, Any] | bytes, event_id: str | None = None) -> bytes:
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    header = json.dumps({"event_id": event_id or uuid.uuid4().hex}).encode()
    item = json.dumps({"type": "event", "length": len(payload)}).encode()
    return header + b"\n" + item + b"\n" + payload + b"\n"


def post(system: System, body: bytes, headers: dict[str, str] | None = None, path: str = "/api/1/envelope/") -> Any:
    sent = {"content-type": "application/x-sentry-envelope", "x-sentry-auth": f"Sentry sentry_key={system.ingest_key}"}
    return system.call("POST", path, None, body, {**sent, **(headers or {})})


def letters() -> str:
    """Return a unique word that neither grouping nor scrubbing takes for an id."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz", k=12))


def group_with(system: System, message: str) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        items = system.get("/api/errors?limit=200")["items"]
        return next((item for item in items if message in item["message"]), None)

    found: dict[str, Any] = system.wait_until(find, what=f"a group with {message!r}")
    return found


def test_the_python_sdk_just_works(system: System) -> None:
    sdk: Any = sentry_sdk
    sdk.init(dsn=system.dsn, environment="staging", release="2.4.0", traces_sample_rate=1.0, default_integrations=False)
    marker = uuid.uuid4().hex[:8]
    with sdk.new_scope() as scope:
        scope.set_tag("queue", "transcription")
        scope.set_user({"id": "user-1", "email": "bob@example.com"})
        sdk.add_breadcrumb(message="dialled 415-555-2671")
        try:
            try:
                raise KeyError("inner")
            except KeyError as inner:
                raise ValueError(f"outer {marker} for bob@example.com") from inner
        except ValueError:
            sdk.capture_exception()
    with sdk.start_transaction(op="http.server", name=f"GET /sdk/{marker}"):
        pass
    sdk.flush(5)
    found = group_with(system, f"outer {marker}")
    assert (found["type"], found["environment"], found["release"], found["users"]) == ("ValueError", "staging", "2.4.0", 1)
    (occurrence,) = system.get(f"/api/errors/{found['id']}")["occurrences"]
    assert [link["type"] for link in occurrence["exceptions"]] == ["KeyError", "ValueError"]
    assert occurrence["tags"] == {"queue": "transcription"}
    assert occurrence["breadcrumbs"][0]["message"] == "dialled [phone]"
    assert "bob@example.com" not in json.dumps(occurrence)
    assert system.get(f"/api/errors/{found['fingerprint']}")["id"] == found["id"]

    def has_route() -> bool:
        return any(route["route"] == f"/sdk/{marker}" for route in system.get("/api/metrics/system")["api"]["by_route"])

    system.wait_until(has_route, what="the transaction's route")


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "br", "zstd"])
def test_every_encoding_is_read(system: System, encoding: str) -> None:
    encode = {
        "": lambda raw: raw, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }[encoding]  # fmt: skip
    event_id = uuid.uuid4().hex
    headers = {"content-encoding": encoding} if encoding else {}
    status, body, _headers = post(system, encode(envelope({"message": f"encoded {encoding}"}, event_id)), headers)
    assert (status, body) == (200, {"id": event_id})


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_bomb_is_413_and_the_function_lives_on(system: System, encoding: str) -> None:
    bomb = b"\x00" * (100 * 1024 * 1024)
    encode = {
        "gzip": gzip.compress,
        "br": lambda raw: brotli.compress(raw, quality=1),
        "zstd": zstandard.ZstdCompressor().compress,
    }
    status, body, headers = post(system, encode[encoding](bomb), {"content-encoding": encoding})
    assert (status, body["error"]["code"]) == (413, "too_large")
    assert headers["x-sentry-error"]
    assert post(system, envelope({"message": "after a bomb"}))[0] == 200


def test_an_event_above_the_limit_is_trimmed_and_kept(system: System) -> None:
    text = f"large {letters()}"
    whole = {"message": text, "extra": {"text": ""}}
    room = 1024 * 1024 - len(json.dumps(whole))
    fits = json.dumps({**whole, "extra": {"text": "x" * room}}).encode()
    assert len(fits) == 1024 * 1024
    for payload in (fits, fits + b" ", json.dumps({**whole, "extra": {"text": "x" * 4_000_000}}).encode()):
        assert post(system, envelope(payload))[0] == 200
    group = system.wait_until(lambda: next((g for g in [group_with(system, text)] if g["count"] == 3), None), what="all three")
    occurrences = system.get(f"/api/errors/{group['id']}")["occurrences"]
    assert [bool(occurrence["trimmed"]) for occurrence in occurrences] == [True] * 3
    assert sum("size_limit" in occurrence["trimmed"] for occurrence in occurrences) == 2


def test_an_encoding_that_is_not_known_is_415(system: System) -> None:
    assert post(system, envelope({"message": "x"}), {"content-encoding": "compress"})[0] == 415


def test_an_event_sent_twice_is_one(system: System) -> None:
    text, event_id = f"twice {letters()}", uuid.uuid4().hex
    body = envelope({"message": text}, event_id)
    assert [post(system, body)[0] for _ in range(3)] == [200, 200, 200]
    assert group_with(system, text)["count"] == 1
    # The first cycle from now on may have begun before; the second one takes all that is in the queue.
    wait_for_a_cycle(system)
    wait_for_a_cycle(system)
    assert group_with(system, text)["count"] == 1


def wait_for_a_cycle(system: System) -> None:
    """Wait for the end of one more cycle of the monitor."""
    before = system.get("/api/health")["monitor"]["last_cycle_at"]
    system.wait_until(lambda: system.get("/api/health")["monitor"]["last_cycle_at"] != before, what="another cycle")


def test_unsupported_items_are_rejected_by_category(system: System) -> None:
    body = envelope({"message": "with a session"})
    for kind in ("session", "replay_event", "client_report", "attachment"):
        body += json.dumps({"type": kind, "length": 2}).encode() + b"\n{}\n"
    status, _body, headers = post(system, body)
    assert status == 200
    assert headers["x-sentry-rate-limits"] == "3600:attachment;replay:organization"


HOSTILE: list[tuple[bytes, list[str]]] = [
    (b'{"message": "hostile nul \\u0000 here"}', ["nul"]),
    (b'{"message": "hostile surrogate \\ud800 here", "tags": {"\\udfff": "\\ud800"}}', ["surrogate"]),
    (b'{"message": "hostile number", "extra": {"a": NaN, "b": 1e400000, "c": -Infinity}}', ["number"]),
    (b'{"message": "hostile integer", "extra": {"a": ' + b"9" * 10_000 + b"}}", ["number"]),
    (b'{"message": "hostile depth", "extra": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}", ["depth"]),
    (b'{"message": "hostile deeper", "extra": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", ["depth"]),
    (b'{"message": "hostile bytes \xff\xfe"}', ["utf8"]),
    (b'{"message": "hostile twice", "message": "hostile second", "level": "info"}', ["duplicate"]),
    (
        b'{"message": "hostile types", "exception": 7, "tags": 3, "user": [], "request": "x", "timestamp": "x", "level": {}}',
        ["time"],
    ),
    (b'{"message": "hostile time", "timestamp": 1e300}', ["time"]),
    (b"[" * 100_000, ["unreadable"]),
    (b'"just a text"', ["unreadable"]),
    (b"\xff\xfe", ["unreadable"]),
    (b"", ["unreadable"]),
]


def test_hostile_events_are_kept_sanitized_and_marked(system: System) -> None:
    sent = {uuid.uuid4().hex: (payload, marks) for payload, marks in HOSTILE}
    for event_id, (payload, _marks) in sent.items():
        status, body, _headers = post(system, envelope(payload, event_id))
        assert (status, body["id"]) == (200, event_id)

    def stored() -> dict[str, Any] | None:
        with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
            select = "SELECT replace(event_id::text, '-', ''), payload FROM callwatch.error_logs WHERE event_id::text = ANY(%s)"
            cursor.execute(select, [[str(uuid.UUID(event_id)) for event_id in sent]])
            found = dict(cursor.fetchall())
        return found if len(found) == len(sent) else None

    found = system.wait_until(stored, what="every hostile event in the database")
    assert {event_id: found[event_id]["sanitized"] for event_id in sent} == {
        event_id: marks for event_id, (_p, marks) in sent.items()
    }


def test_event_id_is_own_before_envelope_before_generated(system: System) -> None:
    for header, event, wanted in (
        ({}, {}, None),
        ({"event_id": "a" * 32}, {"event_id": "B" * 32}, "b" * 32),
        ({"event_id": 7}, {}, None),
    ):
        payload = json.dumps({"message": "of some id", **event}).encode()
        body = json.dumps(header).encode() + b'\n{"type":"event"}\n' + payload
        status, answer, _headers = post(system, body)
        assert status == 200
        assert answer["id"] == wanted if wanted else len(answer["id"]) == 32


def test_a_browser_sends_as_plain_text_with_the_key_in_the_query(system: System) -> None:
    headers = {"content-type": "text/plain;charset=UTF-8", "origin": "https://ops.example.com", "x-sentry-auth": ""}
    path = f"/api/1/envelope/?sentry_version=7&sentry_key={system.ingest_key}&sentry_client=sentry.javascript.browser%2F11.0.0"
    status, _body, found = post(system, envelope({"message": "from a browser"}), headers, path)
    assert (status, found["access-control-allow-origin"]) == (200, "*")
    assert "x-sentry-rate-limits" in found["access-control-expose-headers"].lower()


def test_an_exception_group_of_python_keeps_its_members(system: System) -> None:
    marker, sdk = letters(), cast(Any, sentry_sdk)
    sdk.init(dsn=system.dsn, default_integrations=False)
    try:
        raise ExceptionGroup(f"many {marker}", [ValueError("one"), KeyError("two")])
    except ExceptionGroup:
        sdk.capture_exception()
    sdk.capture_message(f"said {marker}", level="warning")
    sdk.flush(5)
    group = group_with(system, f"many {marker}")
    (occurrence,) = system.get(f"/api/errors/{group['id']}")["occurrences"]
    assert group["type"] == "ExceptionGroup"
    assert {"ValueError", "KeyError", "ExceptionGroup"} <= {link["type"] for link in occurrence["exceptions"]}
    said = group_with(system, f"said {marker}")
    assert (said["type"], said["level"], said["severity"]) == (None, "warning", "low")


def test_keys_are_checked(system: System) -> None:
    body = envelope({"message": "x"})
    for headers, path, status in (
        ({"x-sentry-auth": ""}, "/api/1/envelope/", 401),
        ({"x-sentry-auth": "Sentry sentry_key=" + "0" * 32}, "/api/1/envelope/", 401),
        ({}, "/api/2/envelope/", 403),
        ({"x-sentry-auth": ""}, f"/api/1/envelope/?sentry_key={system.ingest_key}", 200),
        ({}, "/api/1/minidump/", 404),
        ({}, "/api/1/store/", 400),
        ({"x-sentry-auth": ""}, "/api/1/store/", 401),
        ({}, "/api/1/envelope", 200),
    ):
        assert post(system, body, headers, path)[0] == status, (headers, path)
    with_dsn = json.dumps({"dsn": system.dsn}).encode() + body[body.index(b"\n") :]
    assert post(system, with_dsn, {"x-sentry-auth": ""})[0] == 200


def test_broken_frames_are_400(system: System) -> None:
    for body in (b"", b"not json\n", b"[]\n", b'{}\n{"type": "event", "length": 999}\n{}', b"{}\nnope\n"):
        assert post(system, body)[0] == 400, body
