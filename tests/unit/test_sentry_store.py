"""`store/`, as SDKs older than envelopes send to it, and bodies that none of them sends."""

import base64
import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch import sqs
from callwatch.exceptions import QueueUnavailable, RequestRefused
from callwatch.ingest.sentry.convert import convert
from callwatch.ingest.sentry.store import read_store_body
from callwatch.runtime.responses import find_status
from tests.support.flooded_ingest import KEY, FloodedIngest

ID = "fc6d8c0c43fc4630ad850ee518f1b9d0"
HYPHENATED = "fc6d8c0c-43fc-4630-ad85-0ee518f1b9d0"
FRAMES = {"frames": [{"filename": "app/calls.py", "function": "receive", "module": "app.calls", "lineno": 41, "in_app": True}]}
EXCEPTION = {"type": "ValueError", "value": "no such call", "module": "exceptions", "stacktrace": FRAMES}
RAVEN_PYTHON = {
    "event_id": ID, "project": "1", "platform": "python", "level": 40, "logger": "root", "culprit": "app.calls in receive",
    "timestamp": "2026-11-24T17:41:36", "time_spent": None, "server_name": "worker-1", "release": "2.4.0",
    "message": "ValueError: no such call", "sdk": {"name": "raven", "version": "6.10.0"}, "repos": {},
    "modules": {"flask": "0.12"}, "exception": {"values": [EXCEPTION]}, "extra": {"argv": ["x"]}, "tags": {"queue": "sync"},
    "sentry.interfaces.Message": {"message": "ValueError: no such call", "params": [], "formatted": "ValueError: no such call"},
    "breadcrumbs": {"values": [{"timestamp": 1795542096.0, "message": "dialed", "category": "app", "level": "info"}]},
}  # fmt: skip
# raven 1 to 4 for Python: one exception under its long name, and the stack next to it.
RAVEN_PYTHON_OLD = {
    "event_id": HYPHENATED, "level": "40", "culprit": "app.calls.receive", "message": "ValueError: no such call",
    "timestamp": "2026-11-24T17:41:36", "sentry.interfaces.Stacktrace": FRAMES,
    "sentry.interfaces.Exception": {"type": "ValueError", "value": "no such call", "module": "exceptions"},
    "sentry.interfaces.Http": {"method": "POST", "url": "http://localhost/calls", "query_string": "a=1", "headers": {}},
    "sentry.interfaces.User": {"id": "user-1"}, "tags": [["queue", "sync"]],
}  # fmt: skip
RAVEN_LIST = {**RAVEN_PYTHON_OLD, "sentry.interfaces.Exception": [EXCEPTION]}
RAVEN_NODE = {
    "event_id": ID, "platform": "node", "timestamp": "2026-11-24T17:41:36", "server_name": "web-1", "level": "error",
    "message": "ValueError: no such call", "culprit": "app.calls in receive", "exception": [EXCEPTION], "logger": "",
    "environment": "", "release": "", "tags": {"queue": "sync"}, "user": {"id": "user-1"}, "modules": {"raven": "2.6.4"},
    "extra": {"node": "v8.17.0"}, "sdk": {"name": "raven-node", "version": "2.6.4"},
}  # fmt: skip
SENTRY_GO = {
    "event_id": ID, "platform": "go", "timestamp": "2026-11-24T17:41:36.123456789Z", "server_name": "gateway", "level": "error",
    "exception": [EXCEPTION], "sdk": {"name": "sentry.go", "version": "0.11.0"}, "transaction": "app.calls in receive",
    "tags": {"queue": "sync"}, "user": {"id": "user-1"}, "request": {}, "contexts": {"os": {"name": "linux"}},
}  # fmt: skip
SENTRY_PYTHON = {
    "event_id": ID, "platform": "python", "timestamp": "2026-11-24T17:41:36.000000Z", "level": "error",
    "exception": {"values": [EXCEPTION]}, "transaction": "app.calls in receive", "tags": {"queue": "sync"},
    "sdk": {"name": "sentry.python", "version": "0.20.3"}, "breadcrumbs": [], "contexts": {},
}  # fmt: skip


def dump(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def pack(event: dict[str, Any]) -> bytes:
    """Return what raven sends: base64 of zlib-compressed JSON."""
    return base64.b64encode(zlib.compress(dump(event)))


def pack_in_lines(event: dict[str, Any]) -> bytes:
    return base64.encodebytes(zlib.compress(dump(event)))


Pack = Callable[[dict[str, Any]], bytes]
SENT: dict[str, tuple[dict[str, Any], Pack, dict[str, str]]] = {
    "raven 6, Python": (
        RAVEN_PYTHON, lambda event: zlib.compress(dump(event)),
        {"content-encoding": "deflate", "content-type": "application/octet-stream", "x-sentry-auth":
         f"Sentry sentry_timestamp=1795542096.5, sentry_client=raven-python/6.10.0, sentry_version=6, sentry_key={KEY}, "
         "sentry_secret=ab12"},
    ),
    "raven 3, Python": (
        RAVEN_PYTHON_OLD, pack,
        {"content-type": "application/octet-stream", "x-sentry-auth":
         f"Sentry sentry_timestamp=1795542096, sentry_client=raven-python/3.1.8, sentry_version=4, "
         f"sentry_key={KEY}, sentry_secret=a"},
    ),
    "raven, a list under the long name": (RAVEN_LIST, pack, {"authorization": f"Sentry sentry_version=4, sentry_key={KEY}"}),
    "raven, Node": (
        RAVEN_NODE, pack,
        {"content-type": "application/octet-stream", "x-sentry-auth":
         f"Sentry sentry_version=5, sentry_timestamp=1795542096000, sentry_client=raven-node/2.6.4, "
         f"sentry_key={KEY}, sentry_secret=a"},
    ),
    "raven, Ruby": (
        RAVEN_NODE, pack_in_lines,
        {"content-type": "application/octet-stream", "x-sentry-auth":
         f"Sentry sentry_version=5, sentry_client=raven-ruby/3.1.2, sentry_timestamp=1795542096, "
         f"sentry_key={KEY}, sentry_secret=a"},
    ),
    "sentry-go 0.11": (
        SENTRY_GO, dump,
        {"content-type": "application/json", "x-sentry-auth":
         f"Sentry sentry_version=7, sentry_timestamp=1795542096, sentry_client=sentry.go/0.11.0, sentry_key={KEY}"},
    ),
    "sentry_sdk 0.20": (
        SENTRY_PYTHON, lambda event: gzip.compress(dump(event)),
        {"content-encoding": "gzip", "content-type": "application/json", "x-sentry-auth":
         f"Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/0.20.3"},
    ),
}  # fmt: skip


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


@pytest.mark.parametrize("proxy", ["store/", "store"])
@pytest.mark.parametrize("client", SENT)
def test_what_each_old_client_sends_is_kept(ingest: FloodedIngest, client: str, proxy: str) -> None:
    event, encode, headers = SENT[client]
    status, body, found = ingest.post("envelope", encode(event), headers, proxy=proxy)
    assert (status, body) == (200, {"id": ID})
    assert "x-sentry-rate-limits" not in found
    (message,) = ingest.sent
    kept = message["event"]
    assert [kept[name] for name in ("event_id", "type", "message", "level", "endpoint", "tags")] == [
        ID, "ValueError", "no such call", "error", event.get("culprit") or event["transaction"], {"queue": "sync"},
    ]  # fmt: skip
    assert [frame["function"] for frame in kept["frames"]] == ["receive"]
    assert message["project_id"] == 1


def test_a_key_in_the_query_is_enough(ingest: FloodedIngest) -> None:
    # @sentry/browser and @sentry/node 5 and 6.
    query = {"sentry_key": KEY, "sentry_version": "7"}
    status, body, _headers = ingest.post("envelope", dump(SENTRY_PYTHON), query=query, proxy="store/")
    assert (status, body) == (200, {"id": ID})


def test_an_event_without_an_id_gets_one(ingest: FloodedIngest) -> None:
    status, body, _headers = ingest.send_to_store(b' \n{"message": "no id"}')
    assert (status, body) == (200, {"id": ingest.sent[0]["event"]["event_id"]})
    assert len(body["id"]) == 32


def test_a_time_without_a_zone_is_utc_and_old_names_are_read() -> None:
    found = convert(RAVEN_PYTHON_OLD, "key")
    assert found["occurred_at"].isoformat() == "2026-11-24T17:41:36+00:00"
    assert (found["request"]["method"], bool(found["user_hash"]), found["event_id"]) == ("POST", True, ID)
    entry = {"message": "%s dialed", "params": ["Ann"]}
    found = convert({"message": "Ann dialed", "sentry.interfaces.Message": entry}, "key")
    assert (found["message"], found["logentry"]) == ("Ann dialed", entry)
    assert convert({"culprit": "old", "transaction": "new"}, "key")["endpoint"] == "new"
    assert convert({"sentry.interfaces.Breadcrumbs": {"values": [{"message": "b"}]}}, "key")["breadcrumbs"] == [{"message": "b"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b" \n", 400), (b"[]", 400), (b"[{}]", 400), (b'"text"', 400), (b"null", 400), (b"17", 400), (b"{nope", 400),
        (b"\xff\xfe\x00garbage", 400), (b"eJy!!!!", 400), (b"eJyr", 400), (b"AAAA" * 1_000, 400),
        (base64.b64encode(b"{nope"), 400),
        (pack(RAVEN_PYTHON)[:-8], 400), (base64.b64encode(zlib.compress(b"[]")), 400),
        (base64.b64encode(zlib.compress(b"0" * 30_000_000)), 413), (base64.b64encode(zlib.compress(b" " * 30_000_000)), 413),
        (base64.b64encode(dump(RAVEN_PYTHON)), 200),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_with_the_remedy(ingest: FloodedIngest, body: bytes, status: int) -> None:
    started = time.process_time()
    found, answer, _headers = ingest.send_to_store(body)
    assert time.process_time() - started < 1
    assert found == status, answer
    assert len(ingest.sent) == (status == 200)
    if status == 400:
        assert "send one event as a JSON object" in answer["error"]["message"]
    assert ingest.send_to_store(pack(RAVEN_PYTHON))[0] == 200, "the next one is taken"


def test_the_key_comes_before_any_work(ingest: FloodedIngest) -> None:
    bomb = base64.b64encode(zlib.compress(b"0" * 100_000_000))
    for body in (bomb, pack(RAVEN_PYTHON), b"", gzip.compress(b"{}")):
        for headers, query, status in (
            ({}, {}, 401), ({"x-sentry-auth": "Sentry sentry_key=" + "0" * 32}, {}, 401), ({}, {"sentry_key": "cd" * 16}, 403),
        ):  # fmt: skip
            started = time.process_time()
            assert ingest.post("envelope", body, headers, query=query, proxy="store/")[0] == status
            assert time.process_time() - started < 0.15
    assert ingest.sent == []


@pytest.mark.parametrize("proxy", ["minidump/", "storefront/", "store/x", "security/", "envelope/store/"])
def test_another_path_is_404(ingest: FloodedIngest, proxy: str) -> None:
    headers = {"x-sentry-auth": f"Sentry sentry_key={KEY}"}
    assert ingest.post("envelope", dump(SENTRY_PYTHON), headers, proxy=proxy)[0] == 404


@pytest.mark.parametrize("path", ["store/", "envelope/"])
def test_a_503_names_no_time_and_no_category(ingest: FloodedIngest, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, bodies: list[str]) -> None:
        raise QueueUnavailable("away", len(bodies))

    monkeypatch.setattr(sqs, "send", fail)
    body = dump(SENTRY_PYTHON) if path == "store/" else b'{}\n{"type":"event"}\n' + dump(SENTRY_PYTHON)
    status, answer, headers = ingest.post("envelope", body, {"x-sentry-auth": f"Sentry sentry_key={KEY}"}, proxy=path)
    assert (status, answer["error"]["code"]) == (503, "queue_unavailable")
    assert not {"retry-after", "x-sentry-rate-limits"} & set(headers)


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate"]))
def test_no_bytes_do_more_than_be_refused(raw: bytes, encoding: str) -> None:
    for body in (raw, base64.b64encode(raw), base64.b64encode(zlib.compress(raw))):
        try:
            read_store_body(body, encoding)
        except RequestRefused as error:
            assert find_status(error) == 400  # noqa: PT017 - bytes may by chance be a body
