"""One HTTP POST of a notification: bounded in time and size, no redirects, and no way into private networks."""

import base64
import contextlib
import functools
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from callwatch.alerts.failure import DeliveryFailed
from callwatch.alerts.retry_after import retry_after_of
from callwatch.alerts.target import addresses_of

TIMEOUT_S = 8.0
_MOST_BYTES = 4096
_MOST_REASON = 160
# These answers ask for another try; any other 4xx means that the same request will be refused again ...
_TRY_AGAIN = frozenset({408, 425, 429})
# ... and these that every request will: the key, the address or the right to post is gone.
_CHANNEL_WIDE = frozenset({401, 402, 403, 404, 405, 407, 410})


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
    allowed_networks: Sequence[Any] | None = None,
    is_public_only: bool = False,
) -> int:
    """Send, and return the status where it is a success.

    is_public_only: refuse a target on an address that is not public, unless a network in allowed_networks holds it;
    the address that was looked at is the one that is connected to.
    Raises DeliveryFailed. The whole exchange, DNS included, ends by the time-out.
    """
    exchange = _Exchange(url, body, headers, timeout_s)
    # A name server that hangs, or an answer that drips, is bounded by no socket's time-out.
    thread = threading.Thread(target=exchange.run, args=(allowed_networks or (), is_public_only), daemon=True)
    thread.start()
    thread.join(timeout_s)
    exchange.abort()
    if exchange.response is not None:
        return _judge(exchange.response, exchange.reason)
    if isinstance(exchange.error, DeliveryFailed):
        raise exchange.error
    if exchange.error is not None:
        raise DeliveryFailed(f"the receiver cannot be reached ({type(exchange.error).__name__})")
    raise DeliveryFailed(f"no answer within {timeout_s:.2g} s")


class _Exchange:
    """One request and its answer; `response` is there as soon as the status is, and counts whatever happens next."""

    def __init__(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
        self._parts = urlsplit(url)
        self._body = body
        self._headers = headers
        self._ends_at = time.monotonic() + timeout_s
        self._socket: socket.socket | None = None
        self.response: http.client.HTTPResponse | None = None
        self.reason = ""
        self.error: Exception | None = None

    def run(self, allowed: Sequence[Any], is_public_only: bool) -> None:
        """Resolve, connect, send, and read what is needed of the answer."""
        try:
            host, port = self._parts.hostname or "", self._port()
            connection = self._connect(host, port, addresses_of(host, port, allowed, is_public_only))
            with contextlib.closing(connection):
                connection.request("POST", _path_of(self._parts), self._body, {**_headers_of(self._parts), **self._headers})
                self.response = response = connection.getresponse()
                if not 200 <= response.status < 300:
                    self.reason = _reason_in(response.getheader("content-type") or "", response.read(_MOST_BYTES))
        except Exception as error:
            self.error = error

    def abort(self) -> None:
        """End it, however far it got: a thread that waits for more wakes up."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _port(self) -> int:
        return self._parts.port or (443 if self._parts.scheme == "https" else 80)

    def _left_s(self) -> float:
        return max(0.05, self._ends_at - time.monotonic())

    def _connect(self, host: str, port: int, addresses: Sequence[str]) -> http.client.HTTPConnection:
        """A connection to the first of these addresses that takes one, with the name's certificate."""
        connection = http.client.HTTPConnection(host, port)
        last: OSError | None = None
        for number, address in enumerate(addresses):
            # One address that is silent leaves the others some of the time.
            patience_s = self._left_s() / (len(addresses) - number)
            try:
                self._socket = socket.create_connection((address, port), patience_s)
                self._socket.settimeout(self._left_s())
                if self._parts.scheme == "https":
                    self._socket = _tls().wrap_socket(self._socket, server_hostname=host)
            except ssl.SSLError:
                raise
            except OSError as error:
                last = error
                continue
            connection.sock = self._socket
            return connection
        raise last or OSError("no address")


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _path_of(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers_of(parts: SplitResult) -> dict[str, str]:
    credentials, _at, host = parts.netloc.rpartition("@")
    headers = {"user-agent": "callwatch", "host": host, "connection": "close"}
    if credentials:
        headers["authorization"] = "Basic " + base64.b64encode(unquote(credentials).encode()).decode()
    return headers


def _judge(response: http.client.HTTPResponse, reason: str) -> int:
    status = response.status
    if 200 <= status < 300:
        return status
    said = f"the receiver answered {status}" + (f": {reason}" if reason else "")
    if 300 <= status < 400:
        raise DeliveryFailed(f"the receiver answered {status}: redirects are not followed", True, is_channel_wide=True)
    is_permanent = 400 <= status < 500 and status not in _TRY_AGAIN
    retry_after_s = None if is_permanent else retry_after_of(status, response.headers, time.time())
    raise DeliveryFailed(said, is_permanent, retry_after_s, is_channel_wide=status in _CHANNEL_WIDE)


def _reason_in(content_type: str, raw: bytes) -> str:
    """What a refusal says of its reason: SendGrid's and PagerDuty's errors, or a short plain text as Slack's."""
    text = raw.decode(errors="replace").strip()
    if "json" in content_type:
        try:
            given = json.loads(text)
        except ValueError:
            return ""
        found = given.get("errors") or given.get("message") or given.get("error") if isinstance(given, dict) else None
        errors = found if isinstance(found, list) else [found]
        said = [error.get("message") if isinstance(error, dict) else error for error in errors]
        return "; ".join(one for one in said if isinstance(one, str))[:_MOST_REASON]
    return text[:_MOST_REASON] if content_type.startswith("text/plain") else ""
