"""How an answer or an exception becomes what API Gateway expects of a function."""

import datetime
import decimal
import json
import sys
from collections.abc import Mapping
from typing import Any

from callwatch.exceptions import DATABASE_DOWN, DATABASE_LATE, ConfigurationError, DatabaseUnavailable, QueueUnavailable
from callwatch.http import HttpError, Response, unavailable, unprocessable

SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

# A statement that ran past its time, or past that of waiting for a lock.
_TOO_LATE = frozenset({"57014", "55P03"})


def to_gateway(response: Response, request_id: str, duration_ms: float) -> dict[str, Any]:
    """The payload v2 answer, with the headers that every answer carries."""
    headers = {
        **SECURITY_HEADERS,
        "content-type": "application/json",
        "x-request-id": request_id,
        "x-response-time": f"{duration_ms:.1f}ms",
        **{name.lower(): value for name, value in response.headers.items()},
    }
    answer: dict[str, Any] = {"statusCode": response.status, "headers": headers, "isBase64Encoded": False}
    if response.body is None:
        headers.pop("content-type")
    else:
        answer["body"] = response.body if isinstance(response.body, str) else encode(response.body)
    return answer


def encoded(response: Response) -> Response:
    """The same answer with its body as text. Raises ValueError for a body that JSON cannot hold (NaN)."""
    if response.body is None or isinstance(response.body, str):
        return response
    return Response(response.status, encode(response.body), response.headers)


def encode(body: Any) -> str:
    """JSON without NaN; times as ISO 8601 with Z, pydantic models by their fields."""
    return json.dumps(body, default=_encode_other, allow_nan=False, separators=(",", ":"))


def error_response(error: HttpError, request_id: str) -> Response:
    """The one shape of every error of ours."""
    body = {**error.beside, "error": {"code": error.code, "message": error.message, "request_id": request_id}}
    return Response(error.status, body, error.headers)


def as_http_error(error: BaseException) -> HttpError | None:
    """The HTTP error that a known exception stands for; None for one nobody expected."""
    if isinstance(error, HttpError):
        return error
    if getattr(error, "pgcode", None) in _TOO_LATE:
        return unavailable("database_unavailable", DATABASE_LATE)
    if isinstance(error, DatabaseUnavailable) or _is_lost_connection(error):
        return unavailable("database_unavailable", DATABASE_DOWN)
    if isinstance(error, QueueUnavailable):
        return unavailable("queue_unavailable", "the queue took nothing; send it again")
    if isinstance(error, ConfigurationError):
        return HttpError(500, "misconfigured", "this function's configuration is not valid; its log says what")
    return _from_validation(error)


def _is_lost_connection(error: BaseException) -> bool:
    # psycopg2 costs 50 ms of import; where it was never imported, no error of its can be at hand.
    psycopg2: Any = sys.modules.get("psycopg2")
    return psycopg2 is not None and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))


def _from_validation(error: BaseException) -> HttpError | None:
    pydantic: Any = sys.modules.get("pydantic")
    if pydantic is None or not isinstance(error, pydantic.ValidationError):
        return None
    first: Any = error.errors(include_url=False, include_input=False)[0]
    return unprocessable(".".join(str(part) for part in first["loc"]) or "body", str(first["msg"]))


def _encode_other(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)
