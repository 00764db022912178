"""Traces as finished requests: transactions, and the root spans that newer SDKs send instead."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def rows_of_transaction(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The request behind a `transaction` item, where it is one of an HTTP server."""
    trace = _dict(_dict(event.get("contexts")).get("trace"))
    data = {**_dict(trace.get("data"))}
    if not str(trace.get("op", "")).startswith("http.server"):
        return
    status = _dict(_dict(event.get("contexts")).get("response")).get("status_code") or data.get("http.response.status_code")
    method = _dict(event.get("request")).get("method") or data.get("http.request.method") or data.get("http.method")
    row = _row(
        name=str(event.get("transaction") or ""),
        method=method,
        status=status if status is not None else _status_of(trace.get("status")),
        start=event.get("start_timestamp"),
        end=event.get("timestamp"),
        identity=f"{trace.get('trace_id')}:{trace.get('span_id')}",
        environment=event.get("environment"),
        release=event.get("release"),
    )
    if row:
        yield row


def rows_of_spans(payload: Any) -> Iterator[dict[str, Any]]:
    """The requests behind a `span` item: one span, or a container of them; only roots of HTTP servers count."""
    held = payload.get("items") if isinstance(payload, dict) else None
    spans: list[Any] = held if isinstance(held, list) else [payload]
    for span in spans:
        if not isinstance(span, dict):
            continue
        data = {name: _value(item) for name, item in _dict(span.get("attributes") or span.get("data")).items()}
        kind = str(data.get("sentry.op") or span.get("op") or "")
        is_root = bool(span.get("is_segment") or span.get("is_remote") or not span.get("parent_span_id"))
        if not is_root or not kind.startswith("http.server"):
            continue
        status = data.get("http.response.status_code") or data.get("http.status_code")
        row = _row(
            name=str(data.get("http.route") or span.get("name") or span.get("description") or ""),
            method=data.get("http.request.method") or data.get("http.method"),
            status=status if status is not None else _status_of(span.get("status")),
            start=span.get("start_timestamp"),
            end=span.get("end_timestamp") or span.get("timestamp"),
            identity=f"{span.get('trace_id')}:{span.get('span_id')}",
            environment=data.get("sentry.environment"),
            release=data.get("sentry.release"),
        )
        if row:
            yield row


def _row(
    name: str, method: Any, status: Any, start: Any, end: Any, identity: str, environment: Any, release: Any
) -> dict[str, Any] | None:
    began, ended = _seconds(start), _seconds(end)
    words = name.split(" ", 1)
    if len(words) == 2 and words[0] in _METHODS:
        method, name = method or words[0], words[1]
    if began is None or ended is None or ended < began or not name:
        return None
    code = int(status) if str(status).isascii() and str(status).isdigit() and 100 <= int(status) <= 599 else 200
    return {
        "request_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
        "method": str(method or "GET").upper()[:20],
        # The query may hold what is private, and would make every call a route of its own.
        "route": name.partition("?")[0][:300] or "/",
        "status_code": code,
        "response_time_ms": round((ended - began) * 1000, 3),
        "at": datetime.fromtimestamp(ended, UTC).isoformat(),
        "environment": str(environment or "production")[:100],
        "release": str(release)[:200] if release else None,
        "source": "trace",
    }


def _status_of(word: Any) -> int:
    """HTTP status of a span's status word, where no status was given."""
    return {"ok": 200, "internal_error": 500, "error": 500, "not_found": 404, "permission_denied": 403}.get(str(word), 200)


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value) if isinstance(value, (int, float)) else datetime.fromisoformat(value).timestamp()
        datetime.fromtimestamp(seconds, UTC)
        return seconds
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _value(item: Any) -> Any:
    return item.get("value") if isinstance(item, dict) and "value" in item else item


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
