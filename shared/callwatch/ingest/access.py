"""Accepts POST /api/access: one access to personal data as JSON, checked field by field; ids of people become HMACs."""

import os
import re
from datetime import datetime, timedelta
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.ingest.routes import normalize_route
from callwatch.models.constraints import find_max_chars
from callwatch.models.shapes.reporting.access import NewAccess
from callwatch.scrubbing.identities import hash_identity
from callwatch.times import parse_time

_MAX_CHARS = find_max_chars(NewAccess)
_MAX_SUBJECT_CHARS = 300
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]+")
_OLDEST, _NEWEST = timedelta(days=30), timedelta(days=1)


def accept_access(item: Any, now: datetime, key: str | None) -> dict[str, Any]:
    """The row of one item. Raises Rejected with the first bad field, ConfigurationError without a key."""
    if not isinstance(item, dict):
        raise Rejected("", "must be an object")
    actor = _read_text(item, "actor")
    kind = _read_text(item, "subject_kind")
    if not _KIND.fullmatch(kind):
        raise Rejected("subject_kind", "must be a word such as lead: letters, digits, _ . -")
    subject = _read_subject(item)
    route = normalize_route(_read_text(item, "route"))
    return {
        "record_id": os.urandom(16).hex(),
        "at": (_read_time(item, now) or now).isoformat(),
        "actor": hash_identity("actor", actor, key),
        "subject_kind": kind,
        "subject": hash_identity("subject", subject, key),
        "route": route,
        "request_id": _request_id(item),
    }


def _read_text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Rejected(name, "is required and must be a text, more than blanks")
    if len(value) > _MAX_CHARS[name]:
        raise Rejected(name, f"must have at most {_MAX_CHARS[name]} characters")
    return value


def _read_subject(item: dict[str, Any]) -> str:
    value = item.get("subject_id")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_SUBJECT_CHARS:
        raise Rejected(
            "subject_id", f"is required and must be a text of 1 to {_MAX_SUBJECT_CHARS} characters, more than blanks, or a number"
        )
    return value


def _read_time(item: dict[str, Any], now: datetime) -> datetime | None:
    value = item.get("at")
    if value is None:
        return None
    try:
        at = parse_time(value)
    except (ValueError, TypeError):
        raise Rejected("at", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    # A record for an audit keeps its time or is refused: a time moved into the window would be false.
    if not now - _OLDEST <= at <= now + _NEWEST:
        raise Rejected("at", f"must be within the last {_OLDEST.days} days, and not in the future")
    return at


def _request_id(item: dict[str, Any]) -> str | None:
    value = item.get("request_id")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_CHARS["request_id"] or not _REQUEST_ID.fullmatch(value):
        raise Rejected("request_id", "must have at most 100 letters, digits or _ . : -")
    return value
