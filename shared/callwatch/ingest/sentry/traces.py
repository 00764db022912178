"""Converts traces to finished requests and runs of work: transactions, and the root spans that newer SDKs send instead."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.events.event import clamp
from callwatch.ingest.routes import METHODS, clean_text, is_path_of_call, normalize_method, normalize_route
from callwatch.ingest.sentry.trace_parts import (
    STATUS_NAMES,
    find_first,
    find_work,
    has_work_failed,
    is_partial_view,
    is_request,
    read_span_times,
    read_status,
    to_dict,
)
from callwatch.models.work import WorkRun

# Routes are cut to 300 characters; before that, a raw URL may carry a long query.
_MAX_NAME_CHARS = 4_000
# What SDKs for Python call a request that no route took.
_UNROUTED = frozenset({"generic WSGI request", "generic ASGI request"})
Found = dict[str, Any] | WorkRun


@dataclass(frozen=True, slots=True)
class _Trace:
    """What a transaction and a root span have in common. is_raw: the name is the path of one call."""

    op: str
    name: str
    is_raw: bool
    method: Any
    status: Any
    word: Any
    times: tuple[Any, Any]
    identity: str
    origin: tuple[Any, Any]
    data: Mapping[str, Any]
    category: str


def read_transaction(event: Any, now: datetime) -> Found | None:
    """The row of a request, or the run, behind a `transaction` item; None if it is neither."""
    event = to_dict(event)
    contexts, tags = to_dict(event.get("contexts")), _read_tags(event.get("tags"))
    trace, request = to_dict(contexts.get("trace")), to_dict(event.get("request"))
    data = to_dict(trace.get("data"))
    name = str(event.get("transaction") or "")
    # A raw URL makes every call a separate route; any other name was chosen for the route.
    url = request.get("url") or find_first(data, "url.full", "http.url", "http.target", "url.path")
    is_raw = is_path_of_call(name, to_dict(event.get("transaction_info")).get("source"), url)
    if name in _UNROUTED:
        name, is_raw = str(request.get("url") or name), True
    return _read(
        _Trace(
            op=str(trace.get("op") or ""),
            name=name,
            is_raw=is_raw,
            method=request.get("method") or find_first(data, "http.request.method", "http.method"),
            status=find_first(to_dict(contexts.get("response")), "status_code")
            or find_first(data, *STATUS_NAMES)
            or find_first(tags, *STATUS_NAMES)
            # sentry.php 3.0 and its like keep the tags of the first span there.
            or find_first(_read_tags(trace.get("tags")), *STATUS_NAMES),
            word=trace.get("status"),
            times=(event.get("start_timestamp"), event.get("timestamp")),
            identity=f"{trace.get('trace_id')}:{trace.get('span_id')}",
            origin=(event.get("environment"), event.get("release")),
            data=data,
            category="transaction",
        ),
        now,
    )


def list_spans(payload: Any) -> list[Any]:
    """The spans of a `span` item: one, or a container of them."""
    held = payload.get("items") if isinstance(payload, dict) else None
    return held if isinstance(held, list) else [payload]


def is_root(span: Mapping[str, Any]) -> bool:
    """Whether a span is the first one of its process: it has no parent, or one in another process."""
    return bool(span.get("is_segment") or span.get("is_remote") or not span.get("parent_span_id"))


def read_spans(spans: Iterable[Any], now: datetime) -> Iterator[Found | None]:
    """The row or the run behind each root span; None for a root that is neither. Spans inside of a trace are left out."""
    for span in spans:
        if isinstance(span, dict) and is_root(span):
            yield _read_span(span, now)


def _read_span(span: Mapping[str, Any], now: datetime) -> Found | None:
    data = {name: _read_value(item) for name, item in to_dict(span.get("attributes") or span.get("data")).items()}
    route = find_first(data, "http.route")
    name = str(route or span.get("name") or span.get("description") or "")
    is_raw = not route and find_first(data, "sentry.segment.name.source", "sentry.span.source", "sentry.source") in (None, "url")
    path = find_first(data, "url.path", "http.target")
    op = str(find_first(data, "sentry.op") or span.get("op") or "")
    return _read(
        _Trace(
            op=op,
            # If no framework named the route, newer SDKs name the span by its method alone.
            name=str(path) if path and is_request(op) and (name.upper() in METHODS or not name) else name,
            is_raw=is_raw,
            method=find_first(data, "http.request.method", "http.method"),
            status=find_first(data, *STATUS_NAMES),
            word=find_first(data, "sentry.status.message") or span.get("status"),
            times=(span.get("start_timestamp"), span.get("end_timestamp") or span.get("timestamp")),
            identity=f"{span.get('trace_id')}:{span.get('span_id')}",
            origin=(find_first(data, "sentry.environment"), find_first(data, "sentry.release")),
            # In this form "ok" is what stands there where nobody said anything.
            data={"sentry.origin": "", **data},
            category="span",
        ),
        now,
    )


def _read(trace: _Trace, now: datetime) -> Found | None:
    times = read_span_times(*trace.times)
    name = trace.name[:_MAX_NAME_CHARS]
    if times is None or not name:
        return None
    took_ms, ended_at = times
    identity = hashlib.sha256(trace.identity.encode("utf-8", "replace")).hexdigest()[:32]
    environment = clean_text(trace.origin[0], 100) or "production"
    kind = find_work(trace.op)
    if kind is not None:
        # A job may be named by a path or hold an id; it is a name like that of a route.
        shown, ended_at = normalize_route(name), clamp(ended_at, now)
        return WorkRun(kind, shown, environment, ended_at, took_ms, has_work_failed(trace.word), identity)
    if not is_request(trace.op) or is_partial_view(trace.data):
        return None
    method, words = trace.method, name.split(" ", 1)
    if len(words) == 2 and words[0].upper() in METHODS:
        method, name = method or words[0], words[1]
    code, has_failed = read_status(trace.status, trace.word, trace.data)
    return {
        "request_id": identity,
        "method": normalize_method(method),
        "route": normalize_route(name, trace.is_raw),
        "status_code": code,
        "has_failed": has_failed,
        "response_time_ms": took_ms,
        "at": clamp(ended_at, now).isoformat(),
        "environment": environment,
        "release": clean_text(trace.origin[1], 200),
        "source": "trace",
        "category": trace.category,
    }


def _read_tags(tags: Any) -> dict[str, Any]:
    """Tags as an object; older SDKs keep the status there, and some send pairs."""
    if isinstance(tags, list):
        pairs = [pair for pair in tags[:200] if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)]
        return dict(pairs)
    return to_dict(tags)


def _read_value(item: Any) -> Any:
    return item.get("value") if isinstance(item, dict) and "value" in item else item
