"""What OTLP answers, in the encoding of its request: an Export...ServiceResponse, or a Status for what is refused."""

from collections.abc import Mapping
from typing import Any

from callwatch.api.http import Request, Response
from callwatch.ingest.otlp.paths import Signal
from callwatch.ingest.otlp.wire import encode_bytes, encode_number

_PROTOBUF_TYPE, _JSON_TYPE = "application/x-protobuf", "application/json"
_REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}
# google.rpc.Code by HTTP status (google/rpc/code.proto). Senders decide by the HTTP status alone.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 422: 3, 429: 8, 503: 14}
_INTERNAL = 13
# Those of Sentry's protocol name categories that OTLP does not have.
_OF_SENTRY = ("x-sentry-rate-limits", "x-sentry-error")


def build_answer(request: Request, signal: Signal, rejected: int, why: str) -> Response[bytes | dict[str, Any]]:
    """The answer to what was accepted, at least in part; without a partial success if nothing was rejected."""
    if is_json(request):
        partial = {_REJECTED[signal]: str(rejected), "errorMessage": why}
        return Response(200, {"partialSuccess": partial} if rejected else {}, {"content-type": _JSON_TYPE})
    body = encode_bytes(1, encode_number(1, rejected) + encode_bytes(2, why.encode())) if rejected else b""
    return Response(200, body, {"content-type": _PROTOBUF_TYPE})


def shape_refusal(request: Request, response: Response[Any]) -> Response[Any]:
    """The response of an error as a Status. In JSON our own fields stay next to it, as every receiver must ignore them."""
    error = response.body.get("error") if isinstance(response.body, Mapping) else None
    message = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    code = _CODES.get(response.status, _INTERNAL)
    headers = {name: value for name, value in response.headers.items() if name not in _OF_SENTRY}
    if is_json(request):
        return Response(response.status, {**response.body, "code": code, "message": message}, headers)
    status = encode_number(1, code) + encode_bytes(2, message.encode())
    return Response(response.status, status, {**headers, "content-type": _PROTOBUF_TYPE})


def is_json(request: Request) -> bool:
    """Whether the answer is JSON: it has the encoding of the request."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON_TYPE
