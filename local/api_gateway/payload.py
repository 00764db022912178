"""API Gateway's payload format 2.0: builds a function's event and converts its result to a response.

Formats as in the API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import datetime
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from local.account import ACCOUNT, REGION

API_ID = "local"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; `headers` in lower case, repeated ones in order."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; a header may occur several times (set-cookie)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def build_gateway_answer(status: int, message: str) -> Answer:
    """Build a response of the gateway itself."""
    body = json.dumps({"message": message}).encode()
    return Answer(status, (("content-type", "application/json"),), body)


def build_event(call: Call, route_key: str, parameters: Mapping[str, str], caller: Mapping[str, Any] | None) -> bytes:
    """Build the event for an integration; caller: the authorizer's context."""
    event = {"version": "2.0", **_describe_call(call, route_key, parameters), "isBase64Encoded": False}
    if caller is not None:
        event["requestContext"]["authorizer"] = {"lambda": dict(caller)}
    if call.body:
        event["body"], event["isBase64Encoded"] = _encode_body(call.body, event["headers"])
    # Not escaped to ASCII: escapes would count toward Lambda's size limit.
    return json.dumps(event, ensure_ascii=False).encode()


def build_authorizer_event(call: Call, route_key: str, parameters: Mapping[str, str]) -> bytes:
    """Build the event for a Lambda authorizer, format 2.0, without the body."""
    event = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/$default/{call.method}{call.path}",
        "identitySource": None,
        **_describe_call(call, route_key, parameters),
    }
    return json.dumps(event).encode()


def _describe_call(call: Call, route_key: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return what both kinds of event say about a call."""
    headers, cookies = _collect_headers(call)
    found: dict[str, Any] = {
        "routeKey": route_key,
        "rawPath": call.path,
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": _request_context(call, headers, route_key),
    }
    if cookies:
        found["cookies"] = cookies
    if call.query:
        found["queryStringParameters"] = _parse_query(call.query)
    if parameters:
        found["pathParameters"] = dict(parameters)
    return found


def build_answer(raw: bytes) -> Answer | None:
    """Convert a function's result to a response; None if it is invalid, which the gateway answers with 500."""
    try:
        result = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(result, dict) or "statusCode" not in result:
        # Without a status code, the whole result is the body.
        return Answer(200, (("content-type", "application/json"),), json.dumps(result).encode())
    try:
        status = int(result["statusCode"])
        headers = [(str(name).lower(), _render_text(value)) for name, value in (result.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
        body = result.get("body")
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        content = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode()
    except (ValueError, TypeError, AttributeError):
        return None
    if not 100 <= status <= 599 or any("\r" in v or "\n" in v for _name, v in headers):
        return None
    if content and not any(name == "content-type" for name, _value in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return Answer(status, tuple(headers), content)


def _collect_headers(call: Call) -> tuple[dict[str, str], list[str]]:
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in call.headers:
        if name == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    headers.setdefault("x-forwarded-for", call.source_ip)
    headers.setdefault("x-forwarded-proto", "http")
    return headers, cookies


def _parse_query(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _request_context(call: Call, headers: Mapping[str, str], route_key: str) -> dict[str, Any]:
    now = time.time()
    when = datetime.datetime.fromtimestamp(now, datetime.UTC)
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": headers.get("host", "localhost"),
        "domainPrefix": API_ID,
        "http": {
            "method": call.method,
            "path": call.path,
            "protocol": "HTTP/1.1",
            "sourceIp": call.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": call.request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": when.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": round(now * 1000),
    }


def _encode_body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    """Return text types unchanged, all others in base64."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") or kind in ("application/json", "application/xml", "application/javascript")
    is_text = is_text or kind.endswith(("+json", "+xml"))
    if is_text and headers.get("content-encoding", "identity") == "identity":
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _render_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
