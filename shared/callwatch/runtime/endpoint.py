"""The middleware around every HTTP function: admission, responses, captured errors."""

import base64
import binascii
import functools
import hmac
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from callwatch.api.http import Request, Response
from callwatch.api.routes import Route
from callwatch.exceptions import Forbidden, InternalError, TooManyRequests, Unauthenticated, Unreadable
from callwatch.models.role import CallerRole, CallerSession, FailedSignIn, Role
from callwatch.runtime import cors
from callwatch.runtime.environment import begin_invocation
from callwatch.runtime.log import append_keys, logger
from callwatch.runtime.refusals import refusals
from callwatch.runtime.responses import GatewayResponse, build_error, encode_body, find_refusal, find_status, to_gateway
from callwatch.runtime.roles import check_role
from callwatch.runtime.sign_ins import failed_sign_ins, issuer_failures
from callwatch.runtime.start import prepare_environment
from callwatch.tracker import error_tracker

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection

Answer = TypeVar("Answer")
# JSON from the gateway, whose authenticity API Gateway vouches for; its fields are read one by one.
GatewayEvent = Mapping[str, Any]
Handler = Callable[[GatewayEvent, Any], GatewayResponse]
# Far above what a statement of a handler takes, and below the timeout of its function.
STATEMENT_TIMEOUT_MS = 5_000
# Takes the request without its body and a function that reads the body's first bytes; returns the admitted request.
Admit = Callable[[Request, Callable[[int], bytes]], Request]
# Takes the response of an error, and returns it in the form of another protocol.
ShapeRefusal = Callable[[Request, Response[Any]], Response[Any]]


@overload
def endpoint(
    route: Route[Any, Answer], *, admit: Admit | None = None, shape_refusal: ShapeRefusal | None = None
) -> Callable[[Callable[[Request], Answer | Response[Any]]], Handler]: ...


@overload
def endpoint(
    route: Route[Any, Answer], *, transaction: Literal[True]
) -> Callable[[Callable[[Request, "AnyConnection"], Answer]], Handler]: ...


def endpoint(
    route: Route[Any, Any],
    *,
    transaction: bool = False,
    admit: Admit | None = None,
    shape_refusal: ShapeRefusal | None = None,
) -> Callable[[Callable[..., Any]], Handler]:
    """Turn a function from Request to its route's answer into a Lambda handler.

    The route's role says who may call; where it is None, the function checks `request.role` itself. A success has the route's
    status, unless the function returns a Response.

    transaction: the function also gets a connection, and what it did there is committed if it returns, else rolled back.
    admit: decides instead of the role, for functions that anybody on the internet may flood.
    shape_refusal: gives the response of an error the form that the protocol of its request wants.
    """
    admitted_by = admit or _admit_role(route.role)
    prepare_environment()

    def decorate(handle: Callable[..., Any]) -> Handler:
        work: Callable[[Request], Any] = functools.partial(_run_in_transaction, handle) if transaction else handle

        @functools.wraps(handle)
        def lambda_handler(event: GatewayEvent, context: Any) -> GatewayResponse:
            started = time.perf_counter()
            begin_invocation(context)
            request_id = str(getattr(context, "aws_request_id", "") or event["requestContext"]["requestId"])
            append_keys(request_id=request_id)
            request = read_head(event, request_id)
            response = _respond(work, admitted_by, route, request, event)
            if shape_refusal and response.status >= 400:
                response = shape_refusal(request, response)
            if request.method == "HEAD" and response.body is not None:
                # The status and headers of a GET, without its body.
                response = Response(response.status, "", response.headers)
            response = replace(response, headers={**response.headers, **cors.build_headers(request, route.path)})
            refusals.report()
            error_tracker.flush()
            duration_ms = (time.perf_counter() - started) * 1000
            _log(request, response, duration_ms, route.path)
            return to_gateway(response, request_id, duration_ms)

        return lambda_handler

    return decorate


def _run_in_transaction(handle: Callable[[Request, "AnyConnection"], Answer], request: Request) -> Answer:
    # psycopg2 takes 50 ms to import, and ingest needs no database.
    from callwatch.db import connection

    if request.method in ("POST", "PUT"):
        # A body that is not JSON needs no connection.
        request.read_json()
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        answer = handle(request, conn)
        conn.commit()
    return answer


def parse_request(event: GatewayEvent, request_id: str) -> Request:
    """Build the Request of an API Gateway payload v2 event. Raises Unreadable if its body is not base64."""
    return replace(read_head(event, request_id), body=read_body(event))


def read_head(event: GatewayEvent, request_id: str) -> Request:
    """Build the request without its body, which is decoded only once the caller is known."""
    gateway = event["requestContext"]
    caller = (gateway.get("authorizer") or {}).get("lambda") or {}
    return Request(
        method=gateway["http"]["method"],
        path=gateway["http"]["path"],
        path_parameters=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        role=_read_role(caller.get("role")),
        actor=caller.get("actor") or "anonymous",
        request_id=request_id,
        source_ip=gateway["http"].get("sourceIp", ""),
        session=_read_session(caller),
        sign_in=next((why for why in get_args(FailedSignIn) if why == caller.get("sign_in")), None),
    )


def _read_session(caller: Mapping[str, object]) -> CallerSession | None:
    session_id, issued_ms = caller.get("session_id"), caller.get("session_issued_ms")
    # The gateway hands numbers on as they are, other programs as text.
    return CallerSession(str(session_id), int(str(issued_ms))) if session_id and issued_ms else None


def _read_role(given: object) -> CallerRole:
    """Return the role that the authorizer found; none for anything else."""
    return next((role for role in get_args(CallerRole) if role == given), "none")


def read_body(event: GatewayEvent, max_bytes: int | None = None) -> bytes:
    """Decode the body, or its first `max_bytes`. Raises Unreadable if it is not base64."""
    body = event.get("body") or ""
    is_base64 = event.get("isBase64Encoded")
    if max_bytes is not None:
        # Four characters of base64 are three bytes; other characters have at least one byte.
        body = body[: -(-max_bytes // 3) * 4 if is_base64 else max_bytes]
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
    except (binascii.Error, ValueError):
        raise Unreadable("the body cannot be decoded") from None
    return raw[:max_bytes]


def _admit_role(role: Role | None) -> Admit:
    def admit(request: Request, _read_start: Callable[[int], bytes]) -> Request:
        try:
            check_role(request, role)
        except Forbidden:
            refusals.add("role")
            raise
        except Unauthenticated:
            # A sign-in that failed is counted where the authorizer's result is read.
            if not request.headers.get("authorization", "").strip():
                refusals.add("no_token")
            raise
        return request

    return admit


def _respond(
    handle: Callable[[Request], Any], admit: Admit, route: Route[Any, Any], request: Request, event: GatewayEvent
) -> Response[Any]:
    is_admitted = False
    try:
        _check_origin(request)
        if request.method == "OPTIONS":
            return cors.answer_preflight(request, route)
        _check_caller(request, event)
        request = _check_session(request) if request.session else request
        admitted = admit(request, functools.partial(read_body, event))
        is_admitted = True
        result = handle(replace(admitted, body=read_body(event)))
        return encode_body(result if isinstance(result, Response) else Response(route.status, result))
    except Exception as error:
        # A separate frame: a local name for the error would form a cycle of error, traceback and this frame, which would
        # keep the body and everything made of it in memory until the garbage collector runs.
        return _respond_to(error, event, request.request_id, is_admitted)


def _check_origin(request: Request) -> None:
    """Reject a request that does not come through CloudFront, where the stack wants all to come through it."""
    expected = os.environ.get("ORIGIN_SECRET", "")
    if expected and not hmac.compare_digest(request.headers.get("x-callwatch-origin", "").encode(), expected.encode()):
        raise Forbidden("this address is not public; send the request to the dashboard's domain")


def _check_caller(request: Request, event: GatewayEvent) -> None:
    """Count a failed sign-in, and reject a caller that is over its limit."""
    caller = (event["requestContext"].get("authorizer") or {}).get("lambda") or {}
    if request.sign_in == "failed":
        failed_sign_ins.add(request.source_ip)
    if request.sign_in == "unavailable":
        issuer_failures.add(request.source_ip)
    if request.sign_in in ("failed", "expired", "unavailable"):
        refusals.add("unknown_token")
    retry_after_s = caller.get("retry_after_s")
    if retry_after_s:
        if request.sign_in in (None, "no_role"):
            refusals.add("rate_without_token" if request.role == "none" else "rate_of_token")
        whose = "without a valid token from this address" if request.role == "none" else f"of {request.actor}"
        message = f"too many requests {whose}; try again in {retry_after_s} s"
        raise TooManyRequests(message, code="rate_limited", headers={"retry-after": str(retry_after_s)})


def _check_session(request: Request) -> Request:
    if not os.environ.get("DATABASE_URL"):
        # Without a database nobody knows whether the session was ended.
        return replace(request, role="none", actor="anonymous", session=None)
    # psycopg2 takes 50 ms to import.
    from callwatch.sessions.ends import check_session

    return check_session(request)


def _respond_to(error: Exception, event: GatewayEvent, request_id: str, is_admitted: bool) -> Response[Any]:
    refusal = find_refusal(error) or InternalError("an internal error occurred; it has been recorded")
    if find_status(refusal) >= 500:
        _capture(error, event, is_admitted)
    return build_error(refusal, request_id)


# Types of errors raised before a caller was admitted that this environment has captured.
_captured_kinds: set[type[Exception]] = set()


def _capture(error: Exception, event: GatewayEvent, is_admitted: bool) -> None:
    route = str(event.get("routeKey", "unknown"))
    logger.exception("request failed", extra={"route": route})
    if not is_admitted:
        # A caller without a key or token causes at most one stored error per type.
        if type(error) in _captured_kinds:
            return
        _captured_kinds.add(type(error))
    error_tracker.track_error(error, context={"endpoint": route, "request_id": event["requestContext"].get("requestId")})


def _log(request: Request, response: Response[Any], duration_ms: float, route_path: str) -> None:
    fields: dict[str, Any] = {"status": response.status, "duration_ms": round(duration_ms, 1)}
    # Only the path: a query string may hold a key. Where a path holds one, that of the route.
    path = route_path if "{key}" in route_path or "{token}" in route_path else request.path
    fields |= {"method": request.method, "path": path, "role": request.role, "actor": request.actor}
    logger.info("request", extra=fields)
