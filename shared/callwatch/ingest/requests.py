"""Accepts POST /api/requests: one finished request as JSON, checked field by field."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from callwatch.exceptions import Rejected
from callwatch.ingest.routes import clean_text, normalize_route
from callwatch.models.constraints import find_max_chars, find_range
from callwatch.models.ingest_outcome import API_SDK
from callwatch.models.shapes.new_request import HttpMethod, NewRequest
from callwatch.sqs import MESSAGE_BYTES
from callwatch.times import parse_time

_METHODS = frozenset(get_args(HttpMethod))
_MAX_CHARS = find_max_chars(NewRequest)
_STATUSES = find_range(NewRequest, "status_code")
_TIMES_MS = find_range(NewRequest, "response_time_ms")
_OLDEST, _NEWEST = timedelta(days=6), timedelta(days=1)
# Half of what a message can hold: one transaction stores its rows. A single row has at most 6 KB.
_ROWS_BYTES = MESSAGE_BYTES // 2


def accept_request(item: Any, now: datetime) -> dict[str, Any]:
    """The row of one item. Raises Rejected with the first bad field."""
    if not isinstance(item, dict):
        raise Rejected("", "must be an object")
    method = item.get("method")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise Rejected("method", "is required and must be an HTTP method such as GET")
    status = item.get("status_code")
    if isinstance(status, float) and status.is_integer():
        # JSON has no integer type: 200.0 is 200.
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not _STATUSES.holds(status):
        raise Rejected("status_code", "is required and must be a number from 100 to 599")
    return {
        "request_id": _request_id(item),
        "method": method.upper(),
        "route": _read_text(item, "route", is_required=True),
        "status_code": status,
        "response_time_ms": _read_time_ms(item),
        # Limited to the accepted window here and not when it is stored: a redelivered row must have the same day.
        "at": max(now - _OLDEST, min(_read_time(item) or now, now + _NEWEST)).isoformat(),
        "environment": _read_text(item, "environment") or "production",
        "release": _read_text(item, "release"),
        "source": "api",
    }


def build_request_messages(
    rows: Sequence[dict[str, Any]], project_id: int, now: datetime, kind: str = "requests", sdk: str = API_SDK
) -> Iterator[str]:
    """The queue messages that carry accepted rows, with as many rows in each as fit. kind: of the message, and of its rows.

    sdk: what sent them.
    """
    head = json.dumps({"v": 1, "kind": kind, "project_id": project_id, "received_at": now.isoformat(), "sdk": sdk})
    part: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row, separators=(",", ":"))
        if part and size + len(text) >= _ROWS_BYTES:
            yield _build_message(head, kind, part)
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield _build_message(head, kind, part)


def _build_message(head: str, kind: str, rows: Sequence[str]) -> str:
    return f'{head[:-1]}, "{kind}": [{",".join(rows)}]}}'


def _read_text(item: dict[str, Any], name: str, is_required: bool = False) -> str | None:
    limit = _MAX_CHARS[name]
    value = item.get(name)
    if value is None and not is_required:
        return None
    if not isinstance(value, str) or not value:
        raise Rejected(name, "is required and must be a text" if is_required else "must be a text")
    if len(value) > limit:
        raise Rejected(name, f"must have at most {limit} characters")
    # The query may hold private data, and would make every call a separate route.
    return normalize_route(value) if name == "route" else clean_text(value, limit)


def _read_time_ms(item: dict[str, Any]) -> float:
    value = item.get("response_time_ms")
    # A comparison with NaN is false, and one with a huge integer needs no conversion.
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not _TIMES_MS.holds(value):
        raise Rejected("response_time_ms", "is required and must be milliseconds from 0 to 86400000")
    return float(value)


def _read_time(item: dict[str, Any]) -> datetime | None:
    value = item.get("at")
    if value is None:
        return None
    try:
        return parse_time(value, is_clamped=True)
    except (ValueError, TypeError):
        raise Rejected("at", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def _request_id(item: dict[str, Any]) -> str:
    value = item.get("request_id")
    if value is None:
        return os.urandom(16).hex()
    import uuid

    try:
        return uuid.UUID(value).hex
    except (ValueError, AttributeError, TypeError):
        raise Rejected("request_id", "must be a UUID") from None
