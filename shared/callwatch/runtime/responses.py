"""Converts a response or an exception to the format that API Gateway expects; the one place that knows the status of an error."""

import base64
import datetime
import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar

from callwatch import exceptions
from callwatch.api.http import Request, Response
from callwatch.exceptions import RequestRefused
from callwatch.models.reason import DATABASE_SATURATED, DATABASE_TIMEOUT, DATABASE_UNAVAILABLE, Reason
from callwatch.sqlstates import TOO_LATE
from callwatch.times import format_time

Content = TypeVar("Content", bound=Mapping[str, object])

SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_STATUSES: Mapping[type[RequestRefused], int] = {
    exceptions.Unreadable: 400,
    exceptions.Unauthenticated: 401,
    exceptions.Forbidden: 403,
    exceptions.NotFound: 404,
    exceptions.MethodNotAllowed: 405,
    exceptions.Conflict: 409,
    exceptions.TooLarge: 413,
    exceptions.UnsupportedType: 415,
    exceptions.Invalid: 422,
    exceptions.AllRejected: 422,
    exceptions.TooManyRequests: 429,
    exceptions.Misconfigured: 500,
    exceptions.InternalError: 500,
    exceptions.Unavailable: 503,
}
_RETRY_AFTER_S = 5


class GatewayResponse(TypedDict, total=False):
    """A response of payload v2; without a body it has no content type."""

    statusCode: int
    headers: dict[str, str]
    isBase64Encoded: bool
    body: str
    cookies: list[str]


def to_gateway(response: Response[object], request_id: str, duration_ms: float) -> GatewayResponse:
    """Build the payload v2 response, with the headers of every response."""
    headers = {
        **SECURITY_HEADERS,
        "content-type": "application/json",
        "x-request-id": request_id,
        "x-response-time": f"{duration_ms:.1f}ms",
        **{name.lower(): value for name, value in response.headers.items()},
    }
    answer: GatewayResponse = {"statusCode": response.status, "headers": headers, "isBase64Encoded": False}
    if cookie := headers.pop("set-cookie", None):
        answer["cookies"] = [cookie]
    if response.body is None:
        headers.pop("content-type")
    elif isinstance(response.body, bytes):
        answer |= {"body": base64.b64encode(response.body).decode(), "isBase64Encoded": True}
    else:
        answer["body"] = response.body if isinstance(response.body, str) else encode(response.body)
    return answer


def encode_body(response: Response[Any]) -> Response[str | bytes | None]:
    """Encode the response's body as text; bytes stay. Raises ValueError for a body that JSON cannot hold (NaN)."""
    body = response.body
    is_encoded = body is None or isinstance(body, (str, bytes))
    return Response(response.status, body if is_encoded else encode(body), response.headers)


def encode(body: object) -> str:
    """Encode as JSON without NaN; times as ISO 8601 with Z, a reason as its code and message."""
    return json.dumps(body, default=_encode_other, allow_nan=False, separators=(",", ":"))


def respond_unless_known(request: Request, body: Content) -> Response[Content | None]:
    """Return the body with its ETag; 304 without a body if If-None-Match names that ETag.

    The ETag is weak: two responses with the same content differ in their time.
    """
    tag = build_etag(body)
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if "*" in known or tag.removeprefix("W/") in known:
        return Response(304, None, {"etag": tag})
    return Response(200, body, {"etag": tag})


def build_etag(body: Mapping[str, object]) -> str:
    """Return the ETag of a response without its `timestamp`, which says nothing about its content."""
    content = encode({name: value for name, value in body.items() if name != "timestamp"})
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def find_status(refusal: RequestRefused) -> int:
    """Return the HTTP status of a refusal."""
    return _STATUSES[type(refusal)]


def build_error(refusal: RequestRefused, request_id: str) -> Response[object]:
    """Build the response of an error; all errors have this format."""
    body = {**refusal.extra, "error": {"code": refusal.code, "message": refusal.message, "request_id": request_id}}
    return Response(find_status(refusal), body, refusal.headers)


def find_refusal(error: BaseException) -> RequestRefused | None:
    """Return the refusal that a caller gets for a known exception; None for an unexpected one."""
    if isinstance(error, RequestRefused):
        return error
    if getattr(error, "pgcode", None) in TOO_LATE:
        return _refuse_unread(DATABASE_TIMEOUT)
    if isinstance(error, exceptions.DatabaseSaturated):
        return _refuse_unread(DATABASE_SATURATED)
    if isinstance(error, exceptions.DatabaseUnavailable) or _is_lost_connection(error):
        return _refuse_unread(DATABASE_UNAVAILABLE)
    if isinstance(error, exceptions.QueueUnavailable):
        message = "the queue did not accept the request; send it again"
        return exceptions.Unavailable(message, code="queue_unavailable", retry_after_s=_RETRY_AFTER_S)
    if isinstance(error, exceptions.FilesUnavailable):
        message = "the store of files does not respond; send it again"
        return exceptions.Unavailable(message, code="files_unavailable", retry_after_s=_RETRY_AFTER_S)
    if isinstance(error, exceptions.ConfigurationError):
        return exceptions.Misconfigured("this function's configuration is invalid; see its log")
    return None


def _refuse_unread(why: Reason) -> exceptions.Unavailable:
    return exceptions.Unavailable(why.message, code="database_unavailable", retry_after_s=_RETRY_AFTER_S)


def _is_lost_connection(error: BaseException) -> bool:
    # psycopg2 takes 50 ms to import; if it was never imported, the error cannot be one of its own.
    psycopg2 = sys.modules.get("psycopg2")
    return psycopg2 is not None and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))


def _encode_other(value: object) -> object:
    if isinstance(value, Reason):
        return value.to_dict()
    if isinstance(value, datetime.datetime):
        return format_time(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    decimal: Any = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)
