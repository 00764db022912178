"""One HTTP POST of a notification: bounded in time and size, no redirects, and no way into private networks."""

import contextlib
import email.utils
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from callwatch.alerts.failure import DeliveryFailed

TIMEOUT_S = 8.0
_MOST_BYTES = 64 * 1024
_MOST_RETRY_AFTER_S = 3600.0
# These answers mean that the same request will be refused again; 408, 425 and 429 ask for another try.
_TRY_AGAIN = frozenset({408, 425, 429})


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed_networks: Sequence[Any] | None = None,
    is_public_only: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> int:
    """Send, and return the status where it is a success.

    is_public_only: refuse a target on a private, loopback or link-local address unless a network in
    allowed_networks holds it; the address that was looked at is the one that is connected to.
    Raises DeliveryFailed. The whole exchange, DNS included, ends by the time-out.
    """
    outcome: list[int | Exception] = []

    def run() -> None:
        try:
            outcome.append(_exchange(url, body, headers, allowed_networks, is_public_only, timeout_s))
        except Exception as error:
            outcome.append(error)

    # A name server that hangs, or an answer that drips, is bounded by no socket's time-out.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome:
        raise DeliveryFailed(f"no answer within {timeout_s:g} s")
    if isinstance(outcome[0], DeliveryFailed):
        raise outcome[0]
    if isinstance(outcome[0], Exception):
        raise DeliveryFailed(f"the receiver cannot be reached ({type(outcome[0]).__name__})")
    return outcome[0]


def _exchange(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed_networks: Sequence[Any] | None,
    is_public_only: bool,
    timeout_s: float,
) -> int:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _resolve(host, port, allowed_networks or (), is_public_only)
    connection = _connect(parts.scheme, host, address, port, timeout_s)
    with contextlib.closing(connection):
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"user-agent": "callwatch", "host": parts.netloc.rpartition("@")[2], **headers})
        response = connection.getresponse()
        response.read(_MOST_BYTES)
        return _judge(response)


def _resolve(host: str, port: int, allowed: Sequence[Any], is_public_only: bool) -> str:
    addresses = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if is_public_only:
        for address in addresses:
            ip = ipaddress.ip_address(address.partition("%")[0])
            ip = getattr(ip, "ipv4_mapped", None) or ip
            if not ip.is_global and not any(ip.version == net.version and ip in net for net in allowed):
                raise DeliveryFailed(
                    "the target is on a private address; WEBHOOK_ALLOWED_NETWORKS admits networks", is_permanent=True
                )
    return addresses[0]


def _connect(scheme: str, host: str, address: str, port: int, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to the address that was looked at, with the name's certificate."""
    raw = socket.create_connection((address, port), timeout_s)
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host) if scheme == "https" else raw
    return connection


def _judge(response: http.client.HTTPResponse) -> int:
    status = response.status
    if 200 <= status < 300:
        return status
    if 300 <= status < 400:
        raise DeliveryFailed(f"the receiver answered {status}: redirects are not followed", is_permanent=True)
    retry_after_s = retry_after(response.getheader("retry-after"))
    is_permanent = 400 <= status < 500 and status not in _TRY_AGAIN
    raise DeliveryFailed(f"the receiver answered {status}", is_permanent, retry_after_s)


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, at most an hour; None where it says nothing usable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _MOST_RETRY_AFTER_S)
