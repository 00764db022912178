"""HTTP as the functions see it: a request, a response, and pages of lists."""

import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from callwatch.base64url import decode_base64url, encode_base64url
from callwatch.exceptions import Invalid, Unreadable, UnsupportedType
from callwatch.models.role import CallerRole, CallerSession, FailedSignIn

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lowercase, `body` is decoded from the gateway's base64."""

    method: str
    path: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    role: CallerRole = "none"
    actor: str = "anonymous"
    request_id: str = ""
    source_ip: str = ""
    sign_in: FailedSignIn | None = None
    session: CallerSession | None = None

    def read_json(self) -> Any:
        """The body as JSON, of any shape.

        Raises Unreadable if it is not JSON, UnsupportedType if another type or an encoding is declared.
        """
        self.expect_json()
        # Only what is sent in quantity may be compressed (callwatch.ingest.content_encoding).
        if self.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            raise UnsupportedType("content-encoding must be absent: send the body uncompressed", code="unsupported_encoding")
        try:
            return json.loads(self.body, parse_int=read_int)
        except (ValueError, RecursionError):
            raise Unreadable("the body is not valid JSON") from None

    def expect_json(self) -> None:
        """Raises UnsupportedType if a type other than JSON is declared."""
        content_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise UnsupportedType("content-type must be application/json")


@dataclass(frozen=True, slots=True)
class Response(Generic[Body]):
    """A response: `body` is JSON-ready (a shape of callwatch.models.shapes) or, with a content-type header, text."""

    status: int
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)


# A position is a time and an id; a cursor near this length was not made here.
_MAX_CURSOR_CHARS = 2_000


def read_int(text: str) -> int | float:
    """An integer of JSON; Python refuses to parse one of more than 4,300 digits, which becomes infinity."""
    return int(text) if len(text) < 4_000 else math.inf


@dataclass(frozen=True, slots=True)
class Page:
    """A window on a list: at most `limit` items after `cursor` (the decoded position, or None at the start)."""

    limit: int
    cursor: Any = None


def read_page(request: Request, default_limit: int = 50, max_limit: int = 200) -> Page:
    """The page requested by `?limit=&cursor=`. Raises Invalid with the name of the parameter."""
    raw_limit = request.query.get("limit", str(default_limit))
    if not (raw_limit.isascii() and raw_limit.isdigit() and len(raw_limit) < 6 and 1 <= int(raw_limit) <= max_limit):
        raise Invalid("limit", f"must be a whole number from 1 to {max_limit}")
    raw_cursor = request.query.get("cursor")
    return Page(int(raw_limit), decode_cursor(raw_cursor) if raw_cursor else None)


def encode_cursor(position: object) -> str:
    """A list position (JSON-ready) as an opaque, URL-safe token."""
    raw = json.dumps(position, separators=(",", ":"), default=str).encode()
    return encode_base64url(raw)


def build_cursor_error() -> Invalid:
    """The error for a cursor that no page of this list gave out."""
    return Invalid("cursor", "must be the next_cursor of an earlier response")


def decode_cursor(cursor: str) -> Any:
    """The position behind a token, exactly as encode_cursor made it. Raises Invalid for any other text."""
    try:
        if len(cursor) > _MAX_CURSOR_CHARS:
            raise ValueError("too long")
        position = json.loads(decode_base64url(cursor))
        # The decoder skips characters that are not base64, and JSON allows blanks: only the exact text that was given out is
        # accepted.
        if encode_cursor(position) != cursor:
            raise ValueError("not the text that was given out")
        return position
    except (binascii.Error, ValueError, RecursionError):
        raise build_cursor_error() from None
