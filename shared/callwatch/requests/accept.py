"""What POST /api/requests takes: one finished request as JSON, checked field by field."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.http_filters import parse_time
from callwatch.queue import MESSAGE_BYTES
from callwatch.tracker.route import clean_text, route_of

MAX_ITEMS = 1_000
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
_DAY_MS = 86_400_000
_OLDEST, _NEWEST = timedelta(days=6), timedelta(days=1)
# Half of what a message holds: one transaction stores its rows. A single row has 6 KB at most.
_ROWS_BYTES = MESSAGE_BYTES // 2


def accept_request(item: Any, now: datetime) -> dict[str, Any]:
    """The row of one item. Raises Rejected naming the first bad field."""
    if not isinstance(item, dict):
        raise Rejected("", "takes an object")
    method = item.get("method")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise Rejected("method", "is required: an HTTP method such as GET")
    status = item.get("status_code")
    if isinstance(status, float) and status.is_integer():
        # JSON knows no integers apart: 200.0 is 200.
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise Rejected("status_code", "is required: a number from 100 to 599")
    return {
        "request_id": _request_id(item),
        "method": method.upper(),
        "route": _text(item, "route", 300, is_required=True),
        "status_code": status,
        "response_time_ms": _time_ms(item),
        # Held inside the sane window here, and not when it is stored: a redelivered row must fall on the same day.
        "at": max(now - _OLDEST, min(_at(item) or now, now + _NEWEST)).isoformat(),
        "environment": _text(item, "environment", 100) or "production",
        "release": _text(item, "release", 200),
        "source": "api",
    }


def request_messages(rows: Sequence[dict[str, Any]], project_id: int, now: datetime) -> Iterator[str]:
    """The queue messages that carry accepted rows, as many in each as fit."""
    head = json.dumps({"v": 1, "kind": "requests", "project_id": project_id, "received_at": now.isoformat()})
    part: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row, separators=(",", ":"))
        if part and size + len(text) >= _ROWS_BYTES:
            yield _message(head, part)
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield _message(head, part)


def _message(head: str, rows: Sequence[str]) -> str:
    return f'{head[:-1]}, "requests": [{",".join(rows)}]}}'


def _text(item: dict[str, Any], name: str, limit: int, is_required: bool = False) -> str | None:
    value = item.get(name)
    if value is None and not is_required:
        return None
    if not isinstance(value, str) or not value:
        raise Rejected(name, "is required: a text" if is_required else "takes a text")
    if len(value) > limit:
        raise Rejected(name, f"takes at most {limit} characters")
    # The query may hold what is private, and would make every call a route of its own.
    return route_of(value) if name == "route" else clean_text(value, limit)


def _time_ms(item: dict[str, Any]) -> float:
    value = item.get("response_time_ms")
    # A comparison with NaN is false, and one with a huge integer needs no conversion.
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= _DAY_MS:
        raise Rejected("response_time_ms", "is required: milliseconds from 0 to 86400000")
    return float(value)


def _at(item: dict[str, Any]) -> datetime | None:
    value = item.get("at")
    if value is None:
        return None
    try:
        return parse_time(value)
    except (ValueError, TypeError):
        raise Rejected("at", "takes an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def _request_id(item: dict[str, Any]) -> str:
    value = item.get("request_id")
    if value is None:
        return uuid.uuid4().hex
    try:
        return uuid.UUID(value).hex
    except (ValueError, AttributeError, TypeError):
        raise Rejected("request_id", "takes a UUID") from None
