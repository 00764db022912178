"""The tracker in its host: it captures, never raises, never blocks, and never loses silently."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from callwatch import sqs
from callwatch.client import capture
from callwatch.client.buffer import FLUSH_AT, MAX_HELD, PAUSE_S, Buffer
from callwatch.client.capture import SEND_LIMIT_S, ErrorTracker
from callwatch.exceptions import QueueUnavailable
from callwatch.settings import reset_settings
from callwatch.tracker import ErrorCategory, ErrorSeverity, error_tracker


class Sent:
    """The messages that reached the queues."""

    def __init__(self) -> None:
        self.by_url: dict[str, list[str]] = {}
        self.calls = 0

    def send(self, url: str, bodies: list[str]) -> None:
        self.calls += 1
        self.by_url.setdefault(url, []).extend(bodies)

    def events(self, name: str = "errors") -> list[dict[str, Any]]:
        return [json.loads(body)["event"] for body in self.by_url.get(f"http://127.0.0.1:1/0/{name}", [])]


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run it in its own thread: a browser of other tests has its event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    found = Sent()
    monkeypatch.setattr(sqs, "send", found.send)
    monkeypatch.setattr(sqs, "prepare_to_send", lambda _queue_url: None)
    monkeypatch.setenv("ERROR_QUEUE_URL", "http://127.0.0.1:1/0/errors")
    monkeypatch.setenv("CRITICAL_QUEUE_URL", "http://127.0.0.1:1/0/critical")
    reset_settings()
    return found


@pytest.fixture
def tracker(sent: Sent) -> ErrorTracker:
    return ErrorTracker()


def test_the_call_of_the_guide_works_to_the_letter(sent: Sent, tracker: ErrorTracker) -> None:
    try:
        raise ValueError("bad call")
    except ValueError as error:
        given = {"user_id": 7, "endpoint": "GET /calls", "attempt": 2}
        event_id = tracker.track_error(error, ErrorSeverity.HIGH, ErrorCategory.DATABASE, given)
    assert sent.calls == 0, "held until it is worth sending"
    tracker.flush()
    (event,) = sent.events()
    assert (event["event_id"], event["severity"], event["category"]) == (event_id, "high", "database")
    assert (event["type"], event["message"]) == ("ValueError", "bad call")
    assert (event["endpoint"], event["context"]) == ("GET /calls", {"attempt": 2})
    assert event["frames"][-1]["function"] == "test_the_call_of_the_guide_works_to_the_letter"
    assert len(event["user_hash"]) == 32


def test_fifty_are_sent_together_and_a_critical_one_at_once(sent: Sent, tracker: ErrorTracker) -> None:
    for number in range(FLUSH_AT - 1):
        tracker.track_error(f"error {number}")
    assert sent.calls == 0
    tracker.track_error("the fiftieth")
    assert len(sent.events()) == FLUSH_AT
    tracker.track_error("disk gone", ErrorSeverity.CRITICAL)
    assert [event["message"] for event in sent.events("critical")] == ["disk gone"]


def test_a_watched_function_sends_nothing_when_nothing_failed(sent: Sent, tracker: ErrorTracker) -> None:
    @tracker.watch
    def work(number: int) -> int:
        """Double the number."""
        return number * 2

    assert work(4) == 8
    assert work.__doc__ == "Double the number."
    assert (sent.calls, tracker.buffer_size) == (0, 0)


def test_watched_function_captures_and_reraises(sent: Sent, tracker: ErrorTracker) -> None:
    @tracker.watch
    def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        work()
    (event,) = sent.events()
    assert event["type"] == "LookupError"
    assert event["endpoint"].endswith("work")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_watched_coroutine_function_is_one_still(sent: Sent, tracker: ErrorTracker) -> None:
    @tracker.watch
    async def charge(amount: int) -> int:
        if amount < 0:
            raise ValueError("no such amount")
        return amount

    assert run(charge(5)) == 5
    assert sent.calls == 0
    with pytest.raises(ValueError, match="no such amount"):
        run(charge(-1))
    (event,) = sent.events()
    assert event["endpoint"].endswith("charge")


def test_the_variables_of_its_host_are_none_of_the_trackers(
    sent: Sent, tracker: ErrorTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DATABASE_URL": "sqlite:///db", "TIMEZONE": "EST5", "RETENTION_DAYS": "30d", "APP_URL": "x"}.items():
        monkeypatch.setenv(name, value)
    reset_settings()
    tracker.track_error("of a program with variables of its own")
    tracker.flush()
    assert [event["message"] for event in sent.events()] == ["of a program with variables of its own"]


def test_nothing_that_is_handed_in_raises_into_the_host(sent: Sent, tracker: ErrorTracker) -> None:
    circular: dict[str, Any] = {}
    circular["self"] = circular
    odd: list[Any] = [Unprintable(), "", b"bytes", None, 7, "lone \ud800", "nul \x00", RecursionError()]
    for error in odd:
        tracker.track_error(error)
    contexts: list[Any] = [circular, [1], "text", {1: object()}, {"f": float("nan")}, {"deep": json.loads("[" * 500 + "]" * 500)}]
    for context in contexts:
        tracker.track_error("x", context=context)
    tracker.track_error("x", severity="high", category="api")  # type: ignore[arg-type]
    tracker.track_error("x", severity="HIGH", category=5)  # type: ignore[arg-type]
    tracker.track_error("x", severity="awful", category="awful", context={"of": Unprintable()})  # type: ignore[arg-type]
    tracker.flush()
    assert tracker.lost_count == 0
    assert len(sent.events()) == len(odd) + len(contexts) + 3
    *_, capitals, last = sent.events()
    assert (capitals["severity"], capitals["category"]) == ("high", "unknown")
    assert (last["severity"], last["context"]) == ("medium", {"of": "(no text: its __str__ failed)"})


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """Yield a port that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", ["unreachable", "hanging", "not configured"])
def test_missing_queue_counts_the_loss_and_host_continues(
    kind: str, hanging_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = hanging_port if kind == "hanging" else 1
    if kind != "not configured":
        monkeypatch.setenv("CRITICAL_QUEUE_URL", f"http://127.0.0.1:{port}/0/critical")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")
    reset_settings()
    sqs._make_client.cache_clear()
    tracker = ErrorTracker()
    sqs.prepare_to_send(f"http://127.0.0.1:{port}/0/critical")
    started = time.monotonic()
    for _ in range(20):
        tracker.track_error("disk gone", ErrorSeverity.CRITICAL)
    took_s = time.monotonic() - started
    sqs._make_client.cache_clear()
    assert took_s < 5 * SEND_LIMIT_S, "twenty errors wait for a dead queue once, not twenty times"
    assert (tracker.lost_count, tracker.buffer_size) == (1, 19)
    assert "1 errors lost" in caplog.text


def test_after_a_pause_what_was_held_is_sent() -> None:
    now = [100.0]
    taken: list[str] = []
    is_down = [True]

    def send(_queue: str, messages: Any) -> None:
        if is_down[0]:
            raise QueueUnavailable("down", len(messages))
        taken.extend(messages)

    buffer = Buffer(send, lambda: now[0])
    buffer.add("errors", "first", is_urgent=True)
    is_down[0] = False
    buffer.add("errors", "second", is_urgent=True)
    assert (taken, buffer.lost_count, len(buffer)) == ([], 1, 1)
    now[0] += PAUSE_S
    buffer.flush()
    assert (taken, buffer.lost_count, len(buffer)) == (["second"], 1, 0)


def test_what_is_held_is_bounded_and_what_falls_out_is_counted() -> None:
    buffer = Buffer(lambda *_: None, lambda: 0.0)
    buffer._paused_until = 1.0
    for number in range(MAX_HELD + 5):
        buffer.add("errors", str(number), is_urgent=False)
    assert (len(buffer), buffer.lost_count) == (MAX_HELD, 5)


def test_what_a_host_holds_is_sent_after_a_while_and_at_its_exit() -> None:
    script = """
import os, sys, threading
from callwatch import sqs
from callwatch.client import capture
from callwatch.tracker import error_tracker

sent = threading.Event()

def send(url, bodies):
    print(len(bodies), flush=True)
    sent.set()

sqs.send, sqs.prepare_to_send = send, lambda url: None
capture.LINGER_S = 0.05
error_tracker.track_error("one of a host that goes on")
sent.wait(20)
capture.LINGER_S = 600
error_tracker.track_error("one of a host that ends")
if os.fork() == 0:
    error_tracker.track_error("one of its child")
    error_tracker.track_error("and another")
    sys.exit()
os.wait()
"""
    environment = {**os.environ, "ERROR_QUEUE_URL": "http://127.0.0.1:1/0/errors"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout.split(), ran.stderr) == (["1", "2", "1"], "")


def test_the_region_is_that_of_the_queues_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert sqs._find_region("https://sqs.eu-west-1.amazonaws.com/123456789012/errors") == "eu-west-1"
    assert sqs._find_region("http://127.0.0.1:9324/0/errors") == "eu-north-1"


def test_concurrent_captures_send_each_error_once(sent: Sent, tracker: ErrorTracker) -> None:
    def work(name: int) -> None:
        for number in range(120):
            tracker.track_error(f"thread {name} error {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    tracker.flush()
    ids = [event["event_id"] for event in sent.events()]
    assert len(ids) == len(set(ids)) == 8 * 120


def test_forked_child_starts_empty_and_unlocked(sent: Sent, tracker: ErrorTracker) -> None:
    tracker.track_error("of the parent")
    with tracker._buffer._lock:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                tracker.track_error("of the child")
                code = 0 if (tracker.buffer_size, tracker.lost_count) == (1, 0) else 2
            finally:
                os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert tracker.buffer_size == 1


def test_capturing_log_handler_does_not_capture_itself(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = ErrorTracker()
    seen: list[str] = []

    class Capturing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            tracker.track_error(record.getMessage(), ErrorSeverity.CRITICAL)

    def refuse(*_args: Any) -> None:
        logging.getLogger("botocore").error("inside of the send")
        raise QueueUnavailable("down", 1)

    monkeypatch.setattr(sqs, "send", refuse)
    handler = Capturing()
    logging.getLogger().addHandler(handler)
    try:
        tracker.track_error("disk gone", ErrorSeverity.CRITICAL)
    finally:
        logging.getLogger().removeHandler(handler)
    assert len(seen) == 2
    assert tracker.lost_count == 1


def test_the_singleton_is_what_the_package_offers() -> None:
    assert error_tracker is capture.error_tracker
