"""The requests behind spans of kind SERVER: method, route, status and duration."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from callwatch.events.event import clamp
from callwatch.ingest.otlp.attributes import describe_origin, find_first, read_text, to_time
from callwatch.ingest.otlp.records import SERVER, Span
from callwatch.ingest.routes import METHODS, OTHER_METHOD, clean_text, normalize_method, normalize_route

_HAS_REMOTE, _IS_REMOTE = 0x100, 0x200
_MAX_NS = 86_400 * 10**9
_MAX_NAME_CHARS = 4_000
_STATUS_NAMES = ("http.response.status_code", "http.status_code")
_METHOD_NAMES = ("http.request.method", "http.method")
_PATH_NAMES = ("url.path", "http.target", "url.full", "http.url")


def list_requests(spans: Iterable[Span]) -> list[Span]:
    """The spans that are requests. A server span inside another one of the same process is a part of that request."""
    servers = [span for span in spans if span.kind == SERVER]
    known = {(id(span.origin.resource), span.trace_id, span.span_id) for span in servers}
    return [
        span
        for span in servers
        if not _has_local_parent(span) and (id(span.origin.resource), span.trace_id, span.parent_id) not in known
    ]


def name_endpoint(span: Span) -> str:
    """Method and route of a server span, such as "POST /webhooks/{vendor}"."""
    method, route = _read_method(span), _read_route(span)
    return route if method == OTHER_METHOD else f"{method} {route}"


def _has_local_parent(span: Span) -> bool:
    """Whether the sender says that the parent is in the same process; older ones do not say."""
    return bool(span.parent_id.strip("0")) and span.flags & _HAS_REMOTE != 0 and span.flags & _IS_REMOTE == 0


def read_request(span: Span, now: datetime) -> dict[str, Any]:
    """The row of a request. Raises ValueError if its duration cannot be known."""
    ended_at = to_time(span.end_ns)
    took_ns = span.end_ns - span.start_ns
    if ended_at is None or not span.start_ns or not 0 <= took_ns <= _MAX_NS or not span.span_id:
        raise ValueError("a server span needs its id, its start and its end")
    origin = describe_origin(span.origin)
    status = str(find_first(span.attributes, *_STATUS_NAMES))
    return {
        "request_id": hashlib.sha256(f"{span.trace_id}:{span.span_id}".encode()).hexdigest()[:32],
        "method": _read_method(span),
        "route": _read_route(span),
        # A status that was not sent is not known: the span may have ended before the response.
        "status_code": int(status) if re.fullmatch(r"[1-5]\d\d", status, re.ASCII) else None,
        "has_failed": span.has_failed,
        "response_time_ms": round(took_ns / 1e6, 3),
        "at": clamp(ended_at, now).isoformat(),
        "environment": clean_text(origin["environment"], 100) or "production",
        "release": clean_text(origin["release"], 200),
        "source": "otlp",
    }


def _read_method(span: Span) -> str:
    return normalize_method(read_text(span.attributes, *_METHOD_NAMES) or span.name.partition(" ")[0])


def _read_route(span: Span) -> str:
    """The framework's route; without one the path, whose variable parts are left out; else the span's name."""
    route = read_text(span.attributes, "http.route")[:_MAX_NAME_CHARS]
    if route:
        return normalize_route(route)
    path = read_text(span.attributes, *_PATH_NAMES)[:_MAX_NAME_CHARS]
    word, _blank, rest = span.name[:_MAX_NAME_CHARS].partition(" ")
    if path:
        return normalize_route(path, is_raw=True)
    return normalize_route(rest if rest and word.upper() in METHODS else span.name[:_MAX_NAME_CHARS] or "/")
