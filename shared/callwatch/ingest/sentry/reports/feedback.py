"""Reads what a user wrote about an error: `feedback` items, and the `user_report` items of older SDKs."""

import hashlib
from datetime import datetime
from typing import Any

from callwatch.events.event import clamp
from callwatch.events.trim import cut_within
from callwatch.ingest.routes import clean_text
from callwatch.ingest.sentry.clock import read_time
from callwatch.ingest.sentry.convert import read_id
from callwatch.models.telemetry import Feedback
from callwatch.scrubbing.sanitize import sanitize
from callwatch.scrubbing.scrubber import hash_user
from callwatch.scrubbing.text import scrub_text

# Sentry's own limit.
MAX_MESSAGE_CHARS = 4_096


def read_feedback(payload: Any, user_key: str, now: datetime) -> tuple[Feedback, bool] | None:
    """A message, without the name and the address of who wrote it; and whether it was cut. None if it holds none."""
    given = payload if isinstance(payload, dict) else {}
    contexts = given.get("contexts")
    held = contexts.get("feedback") if isinstance(contexts, dict) else None
    is_report = not isinstance(held, dict)
    told: dict[str, Any] = given if not isinstance(held, dict) else held
    text = told.get("comments" if is_report else "message")
    if not isinstance(text, str) or not text.strip():
        return None
    event_id = read_id(given.get("event_id") if is_report else told.get("associated_event_id"))
    own_id = None if is_report else read_id(given.get("event_id"))
    contact = told.get("email" if is_report else "contact_email")
    occurred_at = read_time(given.get("timestamp"))
    feedback = Feedback(
        feedback_id=own_id or hashlib.sha256(f"{event_id}:{text}".encode("utf-8", "replace")).hexdigest()[:32],
        environment=clean_text(given.get("environment"), 100) or "production",
        event_id=event_id,
        at=min(clamp(occurred_at, now), now),
        message=_clean(text),
        user_hash=hash_user(contact[:300], user_key) if isinstance(contact, str) and contact else None,
    )
    return feedback, len(text) > MAX_MESSAGE_CHARS


def _clean(text: str) -> str:
    sanitized, _marks = sanitize(text[: 4 * MAX_MESSAGE_CHARS])
    return cut_within(scrub_text(str(sanitized)), MAX_MESSAGE_CHARS)
