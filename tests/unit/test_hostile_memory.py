"""Rejected and accepted requests leave no memory behind, without the garbage collector."""

import gc
import gzip
import itertools
import json
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callwatch import sqs
from callwatch.exceptions import QueueUnavailable
from callwatch.runtime.environment import measure_memory
from tests.support.flooded_ingest import KEY, FloodedIngest, build_envelope

MIB = 1024 * 1024
WITH_KEY = {"x-sentry-auth": f"Sentry sentry_key={KEY}"}
BOMB = gzip.compress(b"0" * 60 * MIB, 1)
BIG = b'{"a":"' + b"x" * 4 * MIB + b'"}'
Send = Callable[[FloodedIngest], Any]
# Shortened, or kept as a stub.
ACCEPTED = {"deep", "event above the limit"}

HOSTILE: dict[str, Send] = {
    "bomb without a key": lambda to: to.post("envelope", BOMB, {"content-encoding": "gzip"}),
    "bomb with a key": lambda to: to.send_envelope(BOMB, content_encoding="gzip"),
    "broken frame": lambda to: to.send_envelope(b"{}\nnope" + BIG),
    "broken header": lambda to: to.send_envelope(BIG + BIG),
    "event above the limit": lambda to: to.send_envelope(b'{}\n{"type":"event"}\n' + BIG),
    "broken gzip": lambda to: to.send_envelope(BOMB[:-9], content_encoding="gzip"),
    "deep": lambda to: to.send_envelope(b'{}\n{"type":"event"}\n' + b"[" * 500_000),
    "errors without a token": lambda to: to.post("errors", BIG),
    "errors that are no JSON": lambda to: to.post("errors", BIG[:-1], role="ingest", actor="project:1"),
    "errors above the limit": lambda to: to.post("errors", BIG + b" " * 2 * MIB, role="ingest", actor="project:1"),
    "all rejected": lambda to: to.send_errors([{"message": 7, "context": {"a": "x" * MIB}}] * 2),
    "requests that are no JSON": lambda to: to.post("requests", BIG[:-1], role="ingest", actor="project:1"),
    "a project that is none": lambda to: to.post("errors", BIG, role="admin", actor="ana", query={"project": "x"}),
}


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Iterator[FloodedIngest]:
    # Garbage collection is manual: the test sees what reference counting frees at once.
    gc.collect()
    gc.disable()
    yield FloodedIngest(monkeypatch)
    gc.enable()


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    used_mb = measure_memory()["used_mb"]
    assert used_mb
    return round(used_mb * MIB)


def held_after(action: Callable[[], Any], times: int) -> int:
    """Return the bytes that this many calls leave behind, after one that fills caches."""
    action()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            action()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_body_is_let_go_at_once(ingest: FloodedIngest, name: str) -> None:
    assert HOSTILE[name](ingest)[0] >= 400 or name in ACCEPTED
    ingest.sent.clear()

    def send() -> None:
        HOSTILE[name](ingest)
        ingest.sent.clear()

    assert held_after(send, 3) < 0.5 * MIB


def test_a_queue_that_fails_keeps_no_body(ingest: FloodedIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any) -> None:
        raise QueueUnavailable("away", 1)

    monkeypatch.setattr(sqs, "send", fail)
    # pytest keeps log records, with the tracebacks of failures.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    body = build_envelope({"message": "x", "extra": {"a": "word " * 100_000}})
    assert ingest.send_envelope(body)[0] == 503
    # Three kept bodies take 1.4 MiB; the report of a failure caches lines of source code meanwhile.
    assert held_after(lambda: ingest.send_envelope(body), 3) < MIB


def test_memory_is_flat_over_5_000_hostile_requests(ingest: FloodedIngest) -> None:
    numbers = itertools.count()

    def send() -> None:
        number = next(numbers)
        ip, name = f"10.{number % 200}.{number // 200 % 250}.7", f"{number:06}"
        long = (name + "/" + "é[`'\"{") * 40
        event = {
            "message": f"{long} {name}", "exception": {"values": [{"type": long, "value": long, "module": long,
            "stacktrace": {"frames": [{"filename": long * 9, "function": long, "module": long}]}}]},
            "tags": {long: long}, "extra": {long * 3: {name: long}, "sql": f"SELECT '{name}' FROM t{name}"},
        }  # fmt: skip
        headers = {"x-sentry-auth": f"Sentry sentry_key={name:0>32}"} if number % 3 else WITH_KEY
        ingest.post("envelope", build_envelope(event), headers, source_ip=ip)
        ingest.post("errors", json.dumps({"message": long, "context": {long: name}}).encode(), source_ip=ip)
        ingest.sent.clear()

    sizes = [resident_bytes()]
    for _ in range(5):
        for _ in range(500):
            send()
        sizes.append(resident_bytes())
    # Two requests each time. Caches and buckets are bounded, and still filling: 60 bombs alone once took 628 MB.
    assert max(sizes) - sizes[0] < 24 * MIB, sizes
