"""The one shape of an error on its way to the queue, and the message that carries it."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.queue import MESSAGE_BYTES
from callwatch.tracker.classify import classify_words
from callwatch.tracker.head import LARGEST_BYTES, head_of
from callwatch.tracker.mend import mend
from callwatch.tracker.scrub import scrub_event
from callwatch.tracker.trim import size_of, trim

VERSION = 1
EMPTY: dict[str, Any] = dict.fromkeys(
    [
        "event_id",
        "occurred_at",
        "type",
        "message",
        "severity",
        "category",
        "environment",
        "release",
        "endpoint",
        "service",
        "user_hash",
        "fingerprint",
        "stack",
        "frames",
        "exceptions",
        "breadcrumbs",
        "tags",
        "context",
        "request",
        "sdk",
    ]
)
# Beside the event its message holds its head, project, environment and time of arrival.
_MOST_BYTES = MESSAGE_BYTES - LARGEST_BYTES - 1_024
# Events are kept under the day of their own time, for which a partition must exist.
OLDEST = timedelta(days=6)
NEWEST = timedelta(days=1)


def finish_event(given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Complete, mend, scrub and trim an event; nothing private is left in what comes back."""
    event = {**EMPTY, **{key: value for key, value in given.items() if value is not None}}
    event["event_id"] = event["event_id"] or uuid.uuid4().hex
    when = clamp(event["occurred_at"], now)
    is_moved = isinstance(event["occurred_at"], datetime) and when != in_utc(event["occurred_at"])
    event["occurred_at"] = when.isoformat()
    event["message"] = str(event["message"] or event["type"] or "(no message)")
    if not event["severity"] or not event["category"]:
        severity, category = classify_words(event["type"], event["message"])
        event["severity"] = event["severity"] or severity.value
        event["category"] = event["category"] or category.value
    event["environment"] = event["environment"] or "production"
    event, kinds = mend(event)
    event["mended"] = sorted({*kinds, *given.get("mended", []), *["time"] * is_moved})
    event["trimmed"] = given.get("trimmed") or []
    size = size_of(event)
    # Before the scrubbing, whose time grows with the size: five megabytes of numbers would take longer than a function may.
    event = scrub_event(trim(event, _MOST_BYTES) if size > _MOST_BYTES else event)
    # A mark may be longer than what it stands for, and is never four times as long as a field with its name.
    return trim(event, _MOST_BYTES) if size > _MOST_BYTES // 4 else event


def error_message(event: dict[str, Any], project_id: int, now: datetime) -> str:
    """The queue message that carries one finished event, after a head that says all that the digest needs of it."""
    message = {
        "v": VERSION,
        "kind": "error",
        "project_id": project_id,
        "environment": event["environment"],
        "received_at": now.isoformat(),
        "head": _head(event),
        # Last, so that who reads the head can stop before it.
        "event": event,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _head(event: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return head_of(event)
    except Exception:
        # An event that cannot be grouped is accepted all the same: the digest tells it apart, with the reason.
        return None


def clamp(occurred_at: Any, now: datetime) -> datetime:
    """The event's own time in UTC, held inside the window that has partitions; now where it gave none."""
    if not isinstance(occurred_at, datetime):
        return now
    return max(now - OLDEST, min(in_utc(occurred_at), now + NEWEST))


def in_utc(when: datetime) -> datetime:
    """A time in UTC; one without its zone is taken for that."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
