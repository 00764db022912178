"""Accepts POST /api/errors: one error as JSON, checked field by field, without a library that costs a cold start."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

from callwatch.events.event import finish_foreign_event
from callwatch.events.event_summary import MESSAGE_LIMIT
from callwatch.events.trim import cut_text, cut_within
from callwatch.events.work_limit import WorkBudget
from callwatch.exceptions import Rejected
from callwatch.models.constraints import find_max_chars
from callwatch.models.error import Category, Severity
from callwatch.models.shapes.new_error import NewError
from callwatch.route_names import replace_ids
from callwatch.scrubbing.scrubber import hash_user
from callwatch.times import parse_time

_FIELDS = NewError.__annotations__.keys()
_MAX_CHARS = find_max_chars(NewError)
_TEXTS = ("type", "environment", "release", "endpoint", "service")
_SEVERITIES = frozenset(get_args(Severity))
_CATEGORIES = frozenset(get_args(Category))
_STACK_LIMIT = 100_000


def accept_error(
    item: Any, now: datetime, user_key: str, marks: Sequence[str] = (), budget: WorkBudget | None = None
) -> dict[str, Any]:
    """The finished event of one item; a user's id is replaced by an HMAC under `user_key`.

    marks: those from reading the JSON. budget: CPU shared by the items of a request.

    Raises Rejected with the first bad field.
    """
    if not isinstance(item, dict):
        raise Rejected("", "must be an object")
    message = item.get("message")
    if not isinstance(message, str) or not message.strip():
        raise Rejected("message", "is required and must be a text")
    given: dict[str, Any] = {"message": cut_within(message, MESSAGE_LIMIT)}
    for name in _TEXTS:
        given[name] = _read_text(item, name, _MAX_CHARS[name])
    given["endpoint"] = replace_ids(given["endpoint"]) if given["endpoint"] else None
    stack = item.get("stack")
    if stack is not None and not isinstance(stack, str):
        raise Rejected("stack", "must be a text")
    given["stack"] = cut_text(stack, _STACK_LIMIT) if stack else None
    given["trimmed"] = ["message"] * (len(message) > MESSAGE_LIMIT) + ["stack"] * (len(stack or "") > _STACK_LIMIT)
    given["sanitized"] = marks
    given["severity"] = _parse_choice(item, "severity", _SEVERITIES)
    given["category"] = _parse_choice(item, "category", _CATEGORIES)
    given["context"] = _read_context(item)
    given["occurred_at"] = read_time_field(item.get("occurred_at"), "occurred_at")
    given["event_id"] = _read_event_id(item)
    user_id = _read_text(item, "user_id", _MAX_CHARS["user_id"])
    given["user_hash"] = hash_user(user_id, user_key) if user_id else None
    return finish_foreign_event(given, now, budget or WorkBudget())


def read_time_field(value: Any, name: str) -> datetime | None:
    """An ISO 8601 time with its zone as aware UTC; None stays None. Raises Rejected."""
    if value is None:
        return None
    remedy = "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"
    if not isinstance(value, str) or len(value) > 40:
        raise Rejected(name, remedy)
    try:
        return parse_time(value, is_clamped=True)
    except ValueError:
        raise Rejected(name, remedy) from None


def _read_text(item: dict[str, Any], name: str, limit: int) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise Rejected(name, "must be a text")
    if len(value) > limit:
        raise Rejected(name, f"must have at most {limit} characters")
    return value


def _parse_choice(item: dict[str, Any], name: str, known: frozenset[str]) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in known:
        raise Rejected(name, f"must be one of {', '.join(sorted(known))}")
    return value.lower()


def _read_context(item: dict[str, Any]) -> dict[str, Any] | None:
    value = item.get("context")
    if value is not None and not isinstance(value, dict):
        raise Rejected("context", "must be an object")
    # A field without a place of its own becomes context: nothing that was sent is dropped.
    extra = {name: item[name] for name in item if name not in _FIELDS}
    return {**(value or {}), **extra} or None


def _read_event_id(item: dict[str, Any]) -> str | None:
    value = item.get("event_id")
    if value is None:
        return None
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        raise Rejected("event_id", "must be 32 hex digits, with or without hyphens")
    return text
