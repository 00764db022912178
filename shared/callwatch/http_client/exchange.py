"""One request and its response on a socket that is open: the light way, with the standard library alone.

`requests_exchange` is the other way. Both skip interim responses (1xx) and follow no redirect.
"""

import http.client
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_MAX_INTERIM = 20
_SWITCHING_PROTOCOLS = 101


class Headers(Protocol):
    """Response headers by name, case-insensitive."""

    def get(self, name: str, /) -> str | None:
        """The header's value, or None."""


class RawResponse(Protocol):
    """A response whose body is still to be read; errors of the network are OSError or HTTPException."""

    @property
    def status(self) -> int:
        """The status of the final response."""

    @property
    def headers(self) -> Headers:
        """Its headers."""

    @property
    def length(self) -> int | None:
        """How many bytes of the body are missing; None if that is unknown."""

    def read(self, amount: int, /) -> bytes:
        """At most so many bytes of the body, as they were sent."""

    def close(self) -> None:
        """Release the socket's file."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent. headers: complete, names in lower case."""

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


Exchange = Callable[[socket.socket, Outgoing], RawResponse]


class FinalResponse(http.client.HTTPResponse):
    """A response that skips all interim responses before it, 102 and 103 too; http.client skips only 100."""

    def begin(self) -> None:
        """Read the status line and headers of the final response."""
        super().begin()
        for _number in range(_MAX_INTERIM + 1):
            if not 100 <= self.status < 200 or self.status == _SWITCHING_PROTOCOLS:
                # Of several lengths the first counts. urllib3 would refuse the response, and what was received would be sent
                # again.
                lengths = self.headers.get_all("content-length", [])
                if len(lengths) > 1:
                    del self.headers["content-length"]
                    self.headers["content-length"] = lengths[0]
                return
            # `begin` continues to read if no headers are known yet.
            self.headers = None  # type: ignore[assignment]
            super().begin()
        raise http.client.HTTPException("too many interim responses")


class _Connection(http.client.HTTPConnection):
    response_class = FinalResponse


def exchange_plainly(sock: socket.socket, outgoing: Outgoing) -> RawResponse:
    """Send the request and read the head of the response. Raises OSError, HTTPException, ValueError for a bad header."""
    # The host only serves a header that `outgoing` has already.
    connection = _Connection("")
    connection.sock = sock
    connection.request(outgoing.method, outgoing.path, outgoing.body, dict(outgoing.headers))
    return connection.getresponse()
