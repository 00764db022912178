"""One HTTP request to a vendor, and what its answer means; reasons are told apart by status and body."""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from callwatch.checks.verdict import Verdict
from callwatch.models.check import Reason, Status

# Read so much of an answer and no more: reasons stand at its beginning.
_MOST_BYTES = 64 * 1024
_TLS = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status code, body as JSON (None where it is none), time taken in ms.

    is_json is also true of an answer that is longer than what is read of it and begins like JSON.
    """

    status: int
    body: Any
    is_json: bool
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing usable came back."""

    reason: Reason


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float) -> Answer | Failure:
    """Send one request; redirects are not followed. The caller's deadline also covers DNS, which no socket does."""
    parts = urlsplit(url)
    started = time.monotonic()
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_s)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        with _hung_up_after(connection.sock, started + timeout_s - time.monotonic()):
            connection.request(method, path, body, {"user-agent": "callwatch", **headers})
            response = connection.getresponse()
            raw = response.read(_MOST_BYTES)
        took_s = time.monotonic() - started
        is_cut_short = len(raw) < _MOST_BYTES and bool(response.length)
        if is_cut_short or took_s >= timeout_s:
            return _failure("error", started, timeout_s)
        return _answer(response.status, raw, round(took_s * 1000, 1))
    except TimeoutError:
        return Failure("timeout")
    except OSError:
        return _failure("unreachable", started, timeout_s)
    except http.client.HTTPException:
        return _failure("error", started, timeout_s)
    finally:
        connection.close()


def judged(found: Answer | Failure, judge: Callable[[Answer], Verdict]) -> Verdict:
    """The verdict on what came back; no answer at all is no verdict on the vendor yet, streaks make it one."""
    return Verdict("degraded", found.reason, None) if isinstance(found, Failure) else judge(found)


def judge_status(status: int) -> tuple[Status, Reason | None]:
    """What an HTTP status says by itself: 401/403 the key, 402 the credit, 429 the rate, 5xx the vendor."""
    if 200 <= status < 300:
        return "healthy", None
    if status in (401, 403):
        return "unhealthy", "auth"
    if status == 402:
        return "unhealthy", "quota"
    if status == 429:
        return "degraded", "rate_limited"
    return "degraded", "error"


@contextlib.contextmanager
def _hung_up_after(sock: socket.socket, left_s: float) -> Iterator[None]:
    """End the connection when the time is over: a socket's own time-out starts anew with every byte that drips in."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            # The plain socket's shutdown: that of TLS would take its state away from under the reader.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, left_s), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _failure(reason: Reason, started: float, timeout_s: float) -> Failure:
    # An answer that ends because its time was over looks like a broken one.
    return Failure("timeout" if time.monotonic() - started >= timeout_s else reason)


def _answer(status: int, raw: bytes, latency_ms: float) -> Answer:
    try:
        return Answer(status, json.loads(raw), True, latency_ms)
    except (ValueError, RecursionError):
        is_beginning = len(raw) == _MOST_BYTES and raw.lstrip()[:1] in (b"{", b"[")
        return Answer(status, None, is_beginning, latency_ms)


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_tls())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _tls() -> ssl.SSLContext:
    # Loading the certificates takes 20 ms: once per process.
    global _TLS
    if _TLS is None:
        _TLS = ssl.create_default_context()
    return _TLS
