"""Reads requests from a connection and rejects ambiguous framing, as RFC 9112 demands.

If the gateway and the server behind it disagree on the length of a request, an attacker can smuggle a request in front of
the next caller's.
"""

import re
from email import errors
from email.message import Message
from typing import Protocol

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_MAX_LINE_BYTES = 8_192
# The parser is one of mail, and misses the parts of a form: they come after the headers, which is all that it was given.
_OF_THE_BODY = (
    errors.StartBoundaryNotFoundDefect,
    errors.MultipartInvariantViolationDefect,
    errors.NoBoundaryInMultipartDefect,
    errors.InvalidMultipartContentTransferEncodingDefect,
)
_MAX_TRAILER_LINES = 100


class FramingError(ValueError):
    """The end of the request is ambiguous; `status` is the gateway's response."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Reader(Protocol):
    """The input of the connection."""

    def read(self, size: int, /) -> bytes:
        """Read this many bytes; fewer only if the client sends no more."""

    def readline(self, limit: int, /) -> bytes:
        """Read a line, including its end."""


def read_body(headers: Message, reader: Reader, version: str, max_bytes: int) -> bytes | None:
    """Read the body; None if it is longer than `max_bytes`. Raises FramingError."""
    check_headers(headers)
    codings = headers.get_all("transfer-encoding") or []
    lengths = headers.get_all("content-length") or []
    if codings:
        if lengths:
            raise FramingError("both Content-Length and Transfer-Encoding")
        if version == "HTTP/1.0":
            raise FramingError("Transfer-Encoding in HTTP/1.0")
        if [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise FramingError("a transfer coding other than chunked", 501)
        return _read_chunks(reader, max_bytes)
    return _read_exactly(reader, lengths, max_bytes)


def check_headers(headers: Message) -> None:
    """Raise FramingError for lines that are no header, such as a name with a space before its colon."""
    defects = [defect for defect in headers.defects if not isinstance(defect, _OF_THE_BODY)]
    if defects or headers.get_payload() or not all(_TOKEN.fullmatch(name) for name in headers):
        raise FramingError("a line that is no header")
    if any("\r" in value or "\n" in value or "\0" in value for value in headers.values()):
        raise FramingError("a header of several lines")


def _read_exactly(reader: Reader, lengths: list[str], max_bytes: int) -> bytes | None:
    found = {text.strip(" \t") for text in lengths} or {"0"}
    if len(found) != 1 or not _LENGTH.fullmatch(next(iter(found))):
        raise FramingError("a Content-Length that is no single number")
    length = int(found.pop())
    if length > max_bytes:
        return None
    body = reader.read(length)
    if len(body) < length:
        raise FramingError("a body shorter than its Content-Length")
    return body


def _read_chunks(reader: Reader, max_bytes: int) -> bytes | None:
    chunks: list[bytes] = []
    total = 0
    while True:
        match = _CHUNK_SIZE.fullmatch(reader.readline(_MAX_LINE_BYTES))
        if match is None:
            raise FramingError("a chunk without a size")
        size = int(match[1], 16)
        if size == 0:
            break
        total += size
        if total > max_bytes:
            return None
        chunk = reader.read(size)
        if len(chunk) < size or reader.readline(2) != b"\r\n":
            raise FramingError("a chunk of another length than its size")
        chunks.append(chunk)
    for _line in range(_MAX_TRAILER_LINES):
        line = reader.readline(_MAX_LINE_BYTES)
        if line == b"\r\n":
            return b"".join(chunks)
        if not line.endswith(b"\r\n"):
            break
    raise FramingError("a trailer without an end")
