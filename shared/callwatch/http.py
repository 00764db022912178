"""HTTP as the functions see it: a request, an answer, errors, and pages of lists."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch.exceptions import CallwatchError


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, `body` is decoded from the gateway's base64."""

    method: str
    path: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    role: str = "none"
    actor: str = "anonymous"
    request_id: str = ""
    source_ip: str = ""

    def json(self) -> Any:
        """The body as JSON. Raises HttpError 400 where it is none, 415 where another type is declared."""
        self.expect_json()
        try:
            return json.loads(self.body, parse_int=read_int)
        except (ValueError, RecursionError):
            raise bad_request("the body is not valid JSON") from None

    def expect_json(self) -> None:
        """Raises HttpError 415 where another type than JSON is declared."""
        content_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise HttpError(415, "unsupported_media_type", "content-type must be application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: `body` is JSON-ready (dict, list, pydantic model) or, with a content-type header, text."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpError(CallwatchError):
    """An answer that is not a success; `code` is for programs, the message for people.

    beside: what else stands in the answer, next to its `error`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.beside = dict(beside or {})


def read_int(text: str) -> int | float:
    """An integer of JSON; Python refuses to read one of more than 4,300 digits, which is infinite for all purposes."""
    return int(text) if len(text) < 4_000 else math.inf


def bad_request(message: str) -> HttpError:
    """400: the request cannot be read."""
    return HttpError(400, "bad_request", message)


def not_found(message: str) -> HttpError:
    """404: there is no such thing."""
    return HttpError(404, "not_found", message)


def unprocessable(field_name: str, message: str) -> HttpError:
    """422: a field's value cannot be used; the text names the field and the remedy."""
    return HttpError(422, "invalid_field", f"{field_name}: {message}")


def unavailable(code: str, message: str, retry_after_s: int = 5) -> HttpError:
    """503: something behind us does not answer; the client may come back."""
    return HttpError(503, code, message, {"retry-after": str(retry_after_s)})


@dataclass(frozen=True, slots=True)
class Page:
    """A window on a list: at most `limit` items after `cursor` (the decoded position, or None at the start)."""

    limit: int
    cursor: Any = None


def page_of(request: Request, default_limit: int = 50, max_limit: int = 200) -> Page:
    """The page asked for by `?limit=&cursor=`. Raises HttpError 422 naming the parameter."""
    raw_limit = request.query.get("limit", str(default_limit))
    if not (raw_limit.isascii() and raw_limit.isdigit() and len(raw_limit) < 6 and 1 <= int(raw_limit) <= max_limit):
        raise unprocessable("limit", f"takes a whole number from 1 to {max_limit}")
    raw_cursor = request.query.get("cursor")
    return Page(int(raw_limit), decode_cursor(raw_cursor) if raw_cursor else None)


def encode_cursor(position: Any) -> str:
    """A list position (JSON-ready) as an opaque token that is safe in URLs."""
    raw = json.dumps(position, separators=(",", ":"), default=str).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str) -> Any:
    """The position behind a token of encode_cursor. Raises HttpError 422 for any other text."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise unprocessable("cursor", "takes the next_cursor of an earlier answer") from None
