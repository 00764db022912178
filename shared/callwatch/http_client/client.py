"""The one HTTP client: a request and its response within a deadline that covers DNS, connecting and every byte.

The checks use it with the standard library, the notification channels with requests (docs/decisions/0051).
"""

import base64
import contextlib
import http.client
import math
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from callwatch.exceptions import CallwatchError
from callwatch.http_client.connect import Endpoint, TlsRefused, open_socket, resolve_endpoints
from callwatch.http_client.exchange import Exchange, Headers, Outgoing, RawResponse, exchange_plainly

FailureReason = Literal["timeout", "unreachable", "tls", "error"]
_MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response.

    body: at most the requested number of bytes; is_truncated if there were more.
    body_error: why the body is incomplete; None if it is complete or was not read.
    latency_ms: until the last byte that was read.
    """

    status: int
    headers: Headers
    body: bytes
    is_truncated: bool
    body_error: FailureReason | None
    latency_ms: float


class RequestFailed(CallwatchError):
    """No response came back; `detail` says more for people if more is known."""

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent, and within which time on the monotonic clock."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    guard: Callable[[Sequence[str]], None] | None
    reads_body: Callable[[int], bool]
    max_body_bytes: int
    exchange: Exchange
    began_at: float
    ends_at: float


def send_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout_s: float,
    *,
    guard: Callable[[Sequence[str]], None] | None = None,
    reads_body: Callable[[int], bool] = lambda _status: True,
    max_body_bytes: int = _MAX_BODY_BYTES,
    is_repeatable: bool = False,
    exchange: Exchange = exchange_plainly,
) -> HttpResponse:
    """Send one request and return its response as soon as the status and the wanted body are there.

    guard: raises if the addresses of the host must not be connected to; the addresses that it saw are the ones used.
    reads_body: whether the body of a response with this status is wanted.
    is_repeatable: the host may receive the request more than once. Then an address that accepts the connection and does not
    respond does not hide the next one: that one is asked too, and the first response counts.
    exchange: how the request travels on the open socket: with the standard library, or with requests.
    Raises RequestFailed if no status came within `timeout_s`, and what `guard` raises.
    """
    now = time.monotonic()
    request = _Request(method, url, headers, body, guard, reads_body, max_body_bytes, exchange, now, now + timeout_s)
    changes: queue.SimpleQueue[None] = queue.SimpleQueue()
    attempts = [_Attempt(request, None, changes)]
    while (now := time.monotonic()) < request.ends_at and not _is_decided(attempts, is_repeatable):
        next_at = attempts[-1].next_at if is_repeatable else math.inf
        if now >= next_at:
            attempts.append(_Attempt(request, attempts[-1].untried, changes))
            continue
        with contextlib.suppress(queue.Empty):
            changes.get(timeout=min(next_at, request.ends_at) - now)
    for attempt in attempts:
        attempt.abort()
    return next((attempt for attempt in attempts if attempt.has_status), attempts[0]).get_outcome()


def _is_decided(attempts: "Sequence[_Attempt]", is_repeatable: bool) -> bool:
    """Whether a response is complete, or no address is left that could give one."""
    if any(attempt.has_status and attempt.is_over for attempt in attempts):
        return True
    return all(attempt.is_over for attempt in attempts) and not (is_repeatable and attempts[-1].untried)


class _Attempt:
    """One request to one address and its response; the status counts as soon as it is there, whatever happens afterwards.

    It runs in a thread of its own, because no socket timeout limits a name server that hangs or a response that drips.
    """

    def __init__(self, request: _Request, endpoints: Sequence[Endpoint] | None, changes: "queue.SimpleQueue[None]") -> None:
        """endpoints: None if the host is not resolved yet. changes: receives an item whenever the state changes."""
        self._request = request
        self._changes = changes
        self._socket: socket.socket | None = None
        self._head: tuple[int, Headers] | None = None
        self._response: HttpResponse | None = None
        self._error: Exception | None = None
        self.is_over = False
        self.untried: list[Endpoint] = []
        # When this endpoint has been silent for its share of the time.
        self._silent_at = math.inf
        threading.Thread(target=self._run, args=(endpoints,), daemon=True).start()

    @property
    def has_status(self) -> bool:
        """Whether the status line and the headers of a response are there."""
        return self._head is not None

    @property
    def next_at(self) -> float:
        """When to ask the next endpoint as well: at once if this one failed without a response, later if it is silent."""
        if self.has_status or not self.untried:
            return math.inf
        return 0.0 if self.is_over else self._silent_at

    def _run(self, endpoints: Sequence[Endpoint] | None) -> None:
        try:
            self._send(endpoints)
        except Exception as error:
            self._error = error
        finally:
            self.is_over = True
            self._changes.put(None)

    def _send(self, endpoints: Sequence[Endpoint] | None) -> None:
        """Resolve, connect, send, and read the wanted part of the response."""
        request, url = self._request, urlsplit(self._request.url)
        host, is_tls = url.hostname or "", url.scheme == "https"
        port = url.port or (443 if is_tls else 80)
        if endpoints is None:
            endpoints = resolve_endpoints(host, port, request.guard)
        self._socket, untried = open_socket(endpoints, host, is_tls, request.ends_at)
        self._silent_at = time.monotonic() + (request.ends_at - time.monotonic()) / (len(untried) + 1)
        self.untried = untried
        self._changes.put(None)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        outgoing = Outgoing(request.method, request.url, path, _build_headers(url, request.headers), request.body)
        with contextlib.closing(self._socket), contextlib.closing(request.exchange(self._socket, outgoing)) as response:
            self._head = (response.status, response.headers)
            if request.reads_body(response.status):
                self._response = self._read(response)
            else:
                self._response = self._build_response(b"", False, None)

    def abort(self) -> None:
        """End the exchange at any stage: a thread that waits for more bytes wakes up and closes the socket."""
        if self._socket is not None and self._response is None:
            with contextlib.suppress(OSError):
                # The shutdown of the plain socket: the one of TLS removes its state while the reader uses it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def get_outcome(self) -> HttpResponse:
        """The response, or the error as RequestFailed; errors that do not come from the network are raised unchanged."""
        if self._response is not None:
            return self._response
        is_late = time.monotonic() >= self._request.ends_at
        error = self._error
        if self._head is not None:
            return self._build_response(b"", False, "timeout" if error is None or is_late else "error")
        if isinstance(error, TlsRefused):
            raise RequestFailed("tls", str(error))
        if error is None or isinstance(error, TimeoutError):
            raise RequestFailed("timeout")
        if isinstance(error, OSError | http.client.HTTPException):
            reason: FailureReason = "unreachable" if isinstance(error, OSError) else "error"
            raise RequestFailed("timeout" if is_late else reason, type(error).__name__)
        raise error

    def _read(self, response: RawResponse) -> HttpResponse:
        try:
            raw = response.read(self._request.max_body_bytes)
        except (OSError, http.client.HTTPException):
            return self._build_response(b"", False, self._choose_reason("error"))
        is_truncated = len(raw) == self._request.max_body_bytes
        is_cut_short = not is_truncated and bool(response.length)
        return self._build_response(
            raw, is_truncated, self._choose_reason("error") if is_cut_short else self._choose_reason(None)
        )

    def _choose_reason(self, reason: FailureReason | None) -> FailureReason | None:
        # A response that ends because the deadline passed looks like a broken one.
        return "timeout" if time.monotonic() >= self._request.ends_at else reason

    def _build_response(self, body: bytes, is_truncated: bool, body_error: FailureReason | None) -> HttpResponse:
        status, headers = self._head or (0, {})
        latency_ms = round((time.monotonic() - self._request.began_at) * 1000, 1)
        return HttpResponse(status, headers, body, is_truncated, body_error, latency_ms)


def _build_headers(parts: SplitResult, given: Mapping[str, str]) -> dict[str, str]:
    """Each header once, in any case: the caller's headers replace our own."""
    credentials, _at, host = parts.netloc.rpartition("@")
    headers = {"user-agent": "callwatch", "host": host, "connection": "close"}
    if credentials:
        headers["authorization"] = "Basic " + base64.b64encode(unquote(credentials).encode()).decode()
    return headers | {name.lower(): value for name, value in given.items()}
