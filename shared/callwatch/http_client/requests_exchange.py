"""One request and its response with requests, on a socket that is open.

An adapter gives requests the connection: resolving within a deadline, choosing and pinning the address, and TLS stay with
`connect`. Importing this module takes as long as importing requests, so functions import it when they first send.
"""

import socket
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from callwatch.http_client.exchange import FinalResponse, Headers, Outgoing, RawResponse


class _Connection(HTTPConnection):
    response_class = FinalResponse


class _OpenPool(HTTPConnectionPool):
    """A pool of the one connection that is open; TLS is inside its socket."""

    ConnectionCls = _Connection

    def __init__(self, sock: socket.socket, path: str) -> None:
        super().__init__("localhost", maxsize=1, retries=False)
        self._socket, self._path = sock, path

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.sock = self._socket
        return connection

    def _make_request(self, conn: Any, method: str, url: str, *given: Any, **options: Any) -> Any:
        # The path as it is configured, and not as urllib3 normalizes it: a receiver may have signed it. And a body that is cut
        # short is still read as far as it goes: the caller compares lengths.
        options["enforce_content_length"] = False
        return super()._make_request(conn, method, self._path or url, *given, **options)


class OpenSocketAdapter(HTTPAdapter):
    """Sends one request on an open socket."""

    def __init__(self, sock: socket.socket, path: str) -> None:
        super().__init__()
        self._pool = _OpenPool(sock, path)

    def get_connection_with_tls_context(self, *_given: Any, **_named: Any) -> HTTPConnectionPool:
        """The connection that is open, whatever the URL."""
        return self._pool

    def cert_verify(self, *_given: Any, **_named: Any) -> None:
        """Nothing: `connect` verified the certificate when it opened the socket."""


class _Response:
    """The response of requests as a RawResponse."""

    def __init__(self, raw: urllib3.BaseHTTPResponse) -> None:
        self._raw = raw
        self.status = raw.status
        self.headers: Headers = raw.headers

    @property
    def length(self) -> int | None:
        return self._raw.length_remaining

    def read(self, amount: int, /) -> bytes:
        try:
            return self._raw.read(amount, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise _find_cause(error) from error

    def close(self) -> None:
        self._raw.close()


def exchange_by_requests(sock: socket.socket, outgoing: Outgoing) -> RawResponse:
    """Send the request and read the head of the response. Raises OSError, HTTPException, ValueError for a bad header."""
    request = requests.Request(outgoing.method, outgoing.url, dict(outgoing.headers), data=outgoing.body)
    try:
        prepared = request.prepare()
    except requests.exceptions.InvalidHeader:
        # Its text quotes the header, which may hold a key.
        raise ValueError("a header has characters that HTTP cannot carry") from None
    try:
        found = OpenSocketAdapter(sock, outgoing.path).send(prepared, stream=True, timeout=sock.gettimeout())
    except requests.RequestException as error:
        raise _find_cause(error) from error
    return _Response(found.raw)


def _find_cause(error: BaseException) -> Exception:
    """The error of the socket or of the protocol inside those that urllib3 and requests wrap around it."""
    if isinstance(error, urllib3.exceptions.TimeoutError | requests.exceptions.Timeout):
        return TimeoutError(str(error))
    inner = next((each for each in (*error.args, error.__cause__) if isinstance(each, Exception)), None)
    is_wrapped = isinstance(error, urllib3.exceptions.HTTPError | requests.RequestException)
    if is_wrapped and inner is not None:
        return _find_cause(inner)
    return OSError(type(error).__name__) if is_wrapped else error if isinstance(error, Exception) else OSError(repr(error))
