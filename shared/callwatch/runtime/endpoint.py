"""The middleware around every HTTP function: who may call, what goes out, what is captured."""

import base64
import binascii
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from callwatch.http import HttpError, Request, Response, bad_request
from callwatch.runtime.answer import as_http_error, encoded, error_response, to_gateway
from callwatch.runtime.environment import begin_invocation
from callwatch.runtime.log import logger
from callwatch.tracker import error_tracker

Role = Literal["viewer", "admin", "ingest"]
Handler = Callable[[dict[str, Any], Any], Any]

# Who may pass where a role is asked for: admin also reads and sends, ingest only sends.
_ALLOWED: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"viewer", "admin"}),
    "admin": frozenset({"admin"}),
    "ingest": frozenset({"ingest", "admin"}),
}


def endpoint(role: Role | None) -> Callable[[Callable[[Request], Any]], Handler]:
    """Make a Lambda handler of a function from Request to Response, model or dict.

    role: who may call; None lets everybody in, and the function looks at `request.role` itself.
    """

    def decorate(handle: Callable[[Request], Any]) -> Handler:
        @functools.wraps(handle)
        def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            started = time.perf_counter()
            begin_invocation(context)
            request_id = str(getattr(context, "aws_request_id", "") or event["requestContext"]["requestId"])
            logger.append_keys(request_id=request_id)
            request, response = _answer(handle, role, event, request_id)
            error_tracker.flush()
            duration_ms = (time.perf_counter() - started) * 1000
            _log(request, response, duration_ms)
            return to_gateway(response, request_id, duration_ms)

        return lambda_handler

    return decorate


def request_from(event: Mapping[str, Any], request_id: str) -> Request:
    """The Request in an API Gateway payload v2 event. Raises HttpError 400 where its body is not base64."""
    gateway = event["requestContext"]
    caller = (gateway.get("authorizer") or {}).get("lambda") or {}
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        raise bad_request("the body cannot be decoded") from None
    return Request(
        method=gateway["http"]["method"],
        path=gateway["http"]["path"],
        path_parameters=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=raw,
        role=caller.get("role") or "none",
        actor=caller.get("actor") or "anonymous",
        request_id=request_id,
        source_ip=gateway["http"].get("sourceIp", ""),
    )


def _answer(
    handle: Callable[[Request], Any], role: Role | None, event: Mapping[str, Any], request_id: str
) -> tuple[Request | None, Response]:
    request = None
    try:
        request = request_from(event, request_id)
        _check_role(request, role)
        result = handle(request)
        return request, encoded(result if isinstance(result, Response) else Response(200, result))
    except Exception as error:
        known = as_http_error(error)
        if known is None or known.status >= 500:
            _capture(error, event)
        answer = known or HttpError(500, "internal_error", "something failed on our side; it has been recorded")
        return request, error_response(answer, request_id)


def _check_role(request: Request, role: Role | None) -> None:
    if role is None or request.role in _ALLOWED[role]:
        return
    if request.role == "none":
        remedy = "send a valid token as `Authorization: Bearer <token>`"
        raise HttpError(401, "unauthorized", remedy, {"www-authenticate": "Bearer"})
    raise HttpError(403, "forbidden", f"this needs the role {role}; the token given has the role {request.role}")


def _capture(error: Exception, event: Mapping[str, Any]) -> None:
    route = str(event.get("routeKey", "unknown"))
    error_tracker.track_error(error, context={"endpoint": route, "request_id": event["requestContext"].get("requestId")})
    logger.exception("request failed", extra={"route": route})


def _log(request: Request | None, response: Response, duration_ms: float) -> None:
    fields: dict[str, Any] = {"status": response.status, "duration_ms": round(duration_ms, 1)}
    if request is not None:
        # The path alone: a query string may hold a key.
        fields |= {"method": request.method, "path": request.path, "role": request.role, "actor": request.actor}
    logger.info("request", extra=fields)
