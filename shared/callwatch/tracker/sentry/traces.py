"""Traces as finished requests: transactions, and the root spans that newer SDKs send instead."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.tracker.event import clamp
from callwatch.tracker.route import clean_text, route_of

_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
_LONGEST_S = 86_400.0
# HTTP status by a span's status word, where no number was given.
_STATUS = {
    "ok": 200, "cancelled": 499, "invalid_argument": 400, "failed_precondition": 400, "out_of_range": 400, "unauthenticated": 401,
    "permission_denied": 403, "not_found": 404, "already_exists": 409, "aborted": 409, "resource_exhausted": 429,
    "unimplemented": 501, "unavailable": 503, "deadline_exceeded": 504, "internal_error": 500, "unknown_error": 500,
    "data_loss": 500, "error": 500,
}  # fmt: skip


def rows_of_transaction(event: Any, now: datetime) -> Iterator[dict[str, Any]]:
    """The request behind a `transaction` item, where it is one of an HTTP server."""
    event = _dict(event)
    contexts = _dict(event.get("contexts"))
    trace = _dict(contexts.get("trace"))
    data = _dict(trace.get("data"))
    if not str(trace.get("op", "")).startswith("http.server"):
        return
    row = _row(
        name=str(event.get("transaction") or ""),
        # A raw URL makes every call a route of its own; any other name was chosen for its route.
        is_raw=_dict(event.get("transaction_info")).get("source") == "url",
        method=_dict(event.get("request")).get("method") or _first(data, "http.request.method", "http.method"),
        status=_first(_dict(contexts.get("response")), "status_code") or _first(data, *_STATUS_NAMES),
        word=trace.get("status"),
        times=(event.get("start_timestamp"), event.get("timestamp")),
        identity=f"{trace.get('trace_id')}:{trace.get('span_id')}",
        origin=(event.get("environment"), event.get("release")),
        now=now,
    )
    if row:
        yield row


def rows_of_spans(payload: Any, now: datetime) -> Iterator[dict[str, Any]]:
    """The requests behind a `span` item: one span, or a container of them; only roots of HTTP servers count."""
    held = payload.get("items") if isinstance(payload, dict) else None
    spans: list[Any] = held if isinstance(held, list) else [payload]
    for span in spans:
        row = _row_of_span(span, now) if isinstance(span, dict) else None
        if row:
            yield row


_STATUS_NAMES = ("http.response.status_code", "http.status_code")


def _row_of_span(span: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    data = {name: _value(item) for name, item in _dict(span.get("attributes") or span.get("data")).items()}
    kind = str(_first(data, "sentry.op") or span.get("op") or "")
    # A root has no parent, or one in another process.
    is_root = bool(span.get("is_segment") or span.get("is_remote") or not span.get("parent_span_id"))
    if not is_root or not kind.startswith("http.server"):
        return None
    route = _first(data, "http.route")
    name = str(route or span.get("name") or span.get("description") or "")
    is_raw = not route and _first(data, "sentry.segment.name.source", "sentry.span.source", "sentry.source") in (None, "url")
    path = _first(data, "url.path", "http.target")
    return _row(
        # Where no framework named the route, newer SDKs name the span by its method alone.
        name=str(path) if path and (name.upper() in _METHODS or not name) else name,
        is_raw=is_raw,
        method=_first(data, "http.request.method", "http.method"),
        status=_first(data, *_STATUS_NAMES),
        word=_first(data, "sentry.status.message") or span.get("status"),
        times=(span.get("start_timestamp"), span.get("end_timestamp") or span.get("timestamp")),
        identity=f"{span.get('trace_id')}:{span.get('span_id')}",
        origin=(_first(data, "sentry.environment"), _first(data, "sentry.release")),
        now=now,
    )


def _row(
    name: str, is_raw: bool, method: Any, status: Any, word: Any, times: tuple[Any, Any], identity: str,
    origin: tuple[Any, Any], now: datetime,
) -> dict[str, Any] | None:  # fmt: skip
    began, ended = _seconds(times[0]), _seconds(times[1])
    words = name.split(" ", 1)
    if len(words) == 2 and words[0].upper() in _METHODS:
        method, name = method or words[0], words[1]
    if began is None or ended is None or not 0 <= ended - began <= _LONGEST_S or not name:
        return None
    code = int(status) if re.fullmatch(r"[1-5]\d\d", str(status), re.ASCII) else _STATUS.get(str(word), 200)
    return {
        "request_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
        "method": str(method).upper() if str(method).upper() in _METHODS else "GET",
        "route": route_of(name, is_raw),
        "status_code": code,
        "response_time_ms": round((ended - began) * 1000, 3),
        "at": clamp(datetime.fromtimestamp(ended, UTC), now).isoformat(),
        "environment": clean_text(origin[0], 100) or "production",
        "release": clean_text(origin[1], 200),
        "source": "trace",
    }


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value) if isinstance(value, (int, float)) else datetime.fromisoformat(value).timestamp()
        datetime.fromtimestamp(seconds, UTC)
        return seconds
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _first(data: Mapping[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name) not in (None, "")), None)


def _value(item: Any) -> Any:
    return item.get("value") if isinstance(item, dict) and "value" in item else item


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
