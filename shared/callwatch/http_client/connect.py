"""Opens a connection to a host that may have several addresses, some of them dead, within a deadline."""

import functools
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# RFC 8305 recommends 250 ms: short enough that a dead address costs little, long enough to spare a slow one.
_NEXT_ATTEMPT_S = 0.25
_EXPIRED, _SELF_SIGNED, _SELF_SIGNED_CHAIN, _WRONG_HOST, _WRONG_ADDRESS = 10, 18, 19, 62, 64
_TLS_DETAILS = {
    _EXPIRED: "the certificate has expired",
    _SELF_SIGNED: "the certificate is self-signed",
    _SELF_SIGNED_CHAIN: "the certificate is self-signed",
    _WRONG_HOST: "the certificate is for another host",
    _WRONG_ADDRESS: "the certificate is for another host",
}


class TlsRefused(Exception):
    """TLS with the server failed: it cannot be trusted or does not speak TLS; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a host, as the socket API takes it."""

    family: int
    address: tuple[str | int | bytes, ...]


def resolve_endpoints(host: str, port: int, guard: Callable[[Sequence[str]], None] | None = None) -> list[Endpoint]:
    """The host's endpoints, address families alternating, the resolver's favorite first.

    guard: raises if one of the addresses must not be connected to. Raises OSError if the name has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        # A label that is empty or longer than 63 characters.
        raise OSError("the host name cannot be resolved") from None
    if guard is not None:
        guard([str(info[4][0]) for info in found])
    return _alternate_families(list(dict.fromkeys(Endpoint(info[0], tuple(info[4])) for info in found)))


def open_socket(endpoints: Sequence[Endpoint], host: str, is_tls: bool, ends_at: float) -> tuple[socket.socket, list[Endpoint]]:
    """A connected socket to the first endpoint that accepts one, with TLS verified for `host` if `is_tls`; and the endpoints
    that could be tried instead.

    If an endpoint resets or stalls the TLS handshake, the next one is tried. A certificate that cannot be trusted is final,
    because every client of that host meets it too.
    ends_at: on the monotonic clock. Raises TlsRefused, TimeoutError or another OSError.
    """
    left = list(endpoints)
    while True:
        endpoint, sock = _connect_first(left, ends_at)
        left.remove(endpoint)
        if not is_tls:
            sock.settimeout(_compute_left_s(ends_at))
            return sock, left
        # An endpoint that accepts and then is silent leaves the others a share of the time.
        sock.settimeout(_compute_left_s(ends_at) / (len(left) + 1))
        try:
            secured = load_tls_context().wrap_socket(sock, server_hostname=host)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError, ConnectionError):
            sock.close()
            if not left:
                raise
            continue
        except ssl.SSLError as error:
            sock.close()
            raise TlsRefused(_describe_tls_error(error)) from None
        secured.settimeout(_compute_left_s(ends_at))
        return secured, left


@functools.cache
def load_tls_context() -> ssl.SSLContext:
    """The client's TLS context; loading the root certificates takes 20 ms, so it is made once per process."""
    return ssl.create_default_context()


def _connect_first(endpoints: Sequence[Endpoint], ends_at: float) -> tuple[Endpoint, socket.socket]:
    """Connect to the endpoints in order, each shortly after the one before it; the first that succeeds wins.

    If an endpoint refuses, the next one is tried at once.
    """
    waiting = deque(endpoints)
    attempts: dict[socket.socket, Endpoint] = {}
    last_error: OSError | None = None
    next_at = time.monotonic()
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                now = time.monotonic()
                if now >= ends_at:
                    raise TimeoutError("no connection within the deadline")
                if waiting and (now >= next_at or not attempts):
                    endpoint = waiting.popleft()
                    try:
                        sock = _begin_connecting(endpoint)
                    except OSError as error:
                        last_error = error
                        continue
                    attempts[sock] = endpoint
                    selector.register(sock, selectors.EVENT_WRITE)
                    next_at = now + _NEXT_ATTEMPT_S
                    continue
                if not attempts:
                    raise last_error or OSError("the host has no address")
                until = min(next_at, ends_at) if waiting else ends_at
                for key, _events in selector.select(until - now):
                    sock = _unwrap_socket(key)
                    selector.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    endpoint = attempts.pop(sock)
                    if code == 0:
                        return endpoint, sock
                    sock.close()
                    last_error = OSError(code, os.strerror(code))
        finally:
            for sock in attempts:
                sock.close()


def _begin_connecting(endpoint: Endpoint) -> socket.socket:
    sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        # In progress, or failed already: the selector reports both.
        sock.connect_ex(endpoint.address)
    except BaseException:
        sock.close()
        raise
    return sock


def _unwrap_socket(key: selectors.SelectorKey) -> socket.socket:
    if not isinstance(key.fileobj, socket.socket):
        raise TypeError("only sockets are registered")
    return key.fileobj


def _alternate_families(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Endpoints reordered so that a broken address family delays the other by only one attempt."""
    if not endpoints:
        return []
    first = deque(each for each in endpoints if each.family == endpoints[0].family)
    second = deque(each for each in endpoints if each.family != endpoints[0].family)
    ordered: list[Endpoint] = []
    while first or second:
        ordered += [group.popleft() for group in (first, second) if group]
    return ordered


def _describe_tls_error(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _TLS_DETAILS.get(error.verify_code, "the certificate is not trusted")
    return "the server does not speak TLS as expected"


def _compute_left_s(ends_at: float) -> float:
    return max(0.001, ends_at - time.monotonic())
