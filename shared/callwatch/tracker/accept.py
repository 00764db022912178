"""What POST /api/errors takes: one error as JSON, checked field by field, without a library that costs a cold start."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.http_filters import parse_time
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.tracker.event import finish_event
from callwatch.tracker.scrub import hash_user

MAX_ITEMS = 100
_TEXT_LIMITS = {"type": 300, "environment": 100, "release": 200, "endpoint": 300, "service": 200}
_FIELDS = {*_TEXT_LIMITS, "message", "stack", "severity", "category", "context", "occurred_at", "event_id", "user_id"}
_SEVERITIES = {severity.value for severity in ErrorSeverity}
_CATEGORIES = {category.value for category in ErrorCategory}
_MESSAGE_LIMIT = 20_000
_STACK_LIMIT = 100_000


def accept_error(item: Any, now: datetime, user_key: str, mended: Sequence[str] = ()) -> dict[str, Any]:
    """The finished event of one item; a user's id leaves as an HMAC under `user_key`; mended: marks of how it was read.

    Raises Rejected naming the first bad field.
    """
    if not isinstance(item, dict):
        raise Rejected("", "takes an object")
    message = item.get("message")
    if not isinstance(message, str) or not message.strip():
        raise Rejected("message", "is required: a text")
    given: dict[str, Any] = {"message": message[:_MESSAGE_LIMIT]}
    for name, limit in _TEXT_LIMITS.items():
        given[name] = _text(item, name, limit)
    stack = item.get("stack")
    if stack is not None and not isinstance(stack, str):
        raise Rejected("stack", "takes a text")
    given["stack"] = stack[:_STACK_LIMIT] if stack else None
    given["trimmed"] = ["message"] * (len(message) > _MESSAGE_LIMIT) + ["stack"] * (len(stack or "") > _STACK_LIMIT)
    given["mended"] = mended
    given["severity"] = _one_of(item, "severity", _SEVERITIES)
    given["category"] = _one_of(item, "category", _CATEGORIES)
    given["context"] = _context(item)
    given["occurred_at"] = time_of(item.get("occurred_at"), "occurred_at")
    given["event_id"] = _event_id(item)
    user_id = _text(item, "user_id", 300)
    given["user_hash"] = hash_user(user_id, user_key) if user_id else None
    return finish_event(given, now)


def time_of(value: Any, name: str) -> datetime | None:
    """An ISO 8601 time with its zone as aware UTC; None stays None. Raises Rejected."""
    if value is None:
        return None
    takes = "takes an ISO 8601 time such as 2026-01-31T12:00:00Z"
    if not isinstance(value, str) or len(value) > 40:
        raise Rejected(name, takes)
    try:
        return parse_time(value)
    except ValueError:
        raise Rejected(name, takes) from None


def _text(item: dict[str, Any], name: str, limit: int) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise Rejected(name, "takes a text")
    if len(value) > limit:
        raise Rejected(name, f"takes at most {limit} characters")
    return value


def _one_of(item: dict[str, Any], name: str, known: set[str]) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in known:
        raise Rejected(name, f"takes one of {', '.join(sorted(known))}")
    return value.lower()


def _context(item: dict[str, Any]) -> dict[str, Any] | None:
    value = item.get("context")
    if value is not None and not isinstance(value, dict):
        raise Rejected("context", "takes an object")
    # What has no field of its own is context: nothing that was sent is dropped.
    extra = {name: item[name] for name in item if name not in _FIELDS}
    return {**(value or {}), **extra} or None


def _event_id(item: dict[str, Any]) -> str | None:
    value = item.get("event_id")
    if value is None:
        return None
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        raise Rejected("event_id", "takes 32 hex digits, with or without hyphens")
    return text
