"""Calls AWS services that speak JSON: signed requests over connections that are kept open."""

import json
import os
import random
import select
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from callwatch.aws.client import ATTEMPTS, THROTTLES, Timeouts
from callwatch.aws.signature import Credentials, Scope, sign_post
from callwatch.exceptions import AwsCallFailed
from callwatch.http_client.connect import TlsRefused, load_tls_context, open_socket, resolve_endpoints

_PAUSE_S = (0.05, 0.3)


class _Service(NamedTuple):
    """What the SDK's service model says: the prefix of the target header, and JSON's version."""

    target: str
    version: str


_SERVICES = {
    "sqs": _Service("AmazonSQS", "1.0"),
    "secretsmanager": _Service("secretsmanager", "1.1"),
    "ssm": _Service("AmazonSSM", "1.1"),
}


class JsonClient:
    """One service at one address."""

    def __init__(self, service: str, region: str, address: str, timeouts: Timeouts) -> None:
        parts = urlsplit(address)
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._is_tls else 80)
        self._scope, self._timeouts = Scope(region, service), timeouts
        self._target, version = _SERVICES[service]
        self._headers = {"content-type": f"application/x-amz-json-{version}", "host": parts.netloc.rpartition("@")[2]}
        self._idle: list[HTTPConnection] = []

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        """An operation by boto3's name. Names with an underscore in front are none, so that copies and mocks work."""
        if operation.startswith("_"):
            raise AttributeError(operation)
        name = "".join(word.capitalize() for word in operation.split("_"))

        def call(**given: Any) -> dict[str, Any]:
            return self._call(name, json.dumps(given, separators=(",", ":")).encode())

        return call

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _call(self, operation: str, body: bytes) -> dict[str, Any]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status, raw = self._exchange(operation, body)
                if status == 200:
                    return _parse(raw)
                failure = _read_refusal(status, raw)
            except TlsRefused as error:
                raise AwsCallFailed("tls", str(error)) from None
            except (OSError, HTTPException) as error:
                failure = AwsCallFailed("timeout" if isinstance(error, TimeoutError) else "unreachable", type(error).__name__)
            if attempt == ATTEMPTS or not failure.is_passing:
                raise failure
            time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - not a secret
        raise AssertionError("the last attempt returns or raises")

    def _exchange(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Send on a kept connection, or on a new one if there is none or the service has closed it."""
        signed_at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        given = {**self._headers, "x-amz-target": f"{self._target}.{operation}"}
        headers = sign_post(given, body, _read_credentials(), self._scope, signed_at)
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._send(kept, headers, body)
            except (ConnectionError, ssl.SSLError):
                # It was closed while it was not in use; http.client's RemoteDisconnected is a ConnectionError too.
                kept.close()
        return self._send(self._connect(), headers, body)

    def _send(self, connection: HTTPConnection, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            raw = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, raw

    def _take_idle(self) -> HTTPConnection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.sock is not None and not _has_input(connection.sock.fileno()):
                return connection
            # Nothing was requested on it: what can be read is its end.
            connection.close()

    def _connect(self) -> HTTPConnection:
        if self._is_tls:
            # Reading the root certificates does not count towards the connection's time.
            load_tls_context()
        ends_at = time.monotonic() + self._timeouts.connect_s
        connection = _OneWrite(self._host, self._port)
        sock, _others = open_socket(resolve_endpoints(self._host, self._port), self._host, self._is_tls, ends_at)
        sock.settimeout(self._timeouts.read_s)
        # The last packet of a request must not wait for the service to acknowledge the one before.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = sock
        # A closed connection fails instead of opening itself again without TLS.
        connection.auto_open = 0
        return connection


class _OneWrite(HTTPConnection):
    """A connection that sends the head of a request together with its body, which is never empty: one call of the system and
    one TLS record instead of two.
    """

    _head: bytes | None = None

    def send(self, data: Any) -> None:
        """Hold the head until the body follows."""
        if self._head is None:
            self._head = bytes(data)
            return
        head, self._head = self._head, None
        super().send(head + bytes(data))


def _has_input(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _read_credentials() -> Credentials:
    environ = os.environ
    return Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN"))


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw or b"{}")
    except ValueError:
        raise AwsCallFailed("unreadable", "the response is not JSON") from None
    return found if isinstance(found, dict) else {}


def _read_refusal(status: int, raw: bytes) -> AwsCallFailed:
    try:
        found = json.loads(raw)
        kind = str(found.get("__type") or found.get("code") or "")
    except (ValueError, AttributeError):
        kind = ""
    code = kind.rpartition("#")[2].rpartition(".")[2]
    return AwsCallFailed(code or f"status {status}", is_passing=status >= 500 or code in THROTTLES)
