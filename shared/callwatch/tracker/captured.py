"""What code hands to the tracker, as an event: whatever it is, it becomes one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from callwatch.settings import tracker_settings
from callwatch.tracker.classify import classify, classify_words
from callwatch.tracker.event import finish_event
from callwatch.tracker.frames import chain_of, frames_of, message_of
from callwatch.tracker.mend import text_of
from callwatch.tracker.scrub import hash_user

Choice = TypeVar("Choice", bound=StrEnum)


def event_of(error: Any, severity: Any, category: Any, context: Any) -> dict[str, Any]:
    """The finished event; severity and category are worked out where they are none of the words."""
    settings, context = tracker_settings(), _context(context)
    is_exception = isinstance(error, BaseException)
    text = message_of(error) if isinstance(error, BaseException) else text_of(error)
    worked_out = classify(error) if isinstance(error, BaseException) else classify_words(None, text)
    user_id = context.pop("user_id", None)
    given: dict[str, Any] = {
        "type": type(error).__name__ if is_exception else None,
        "message": text,
        "severity": _choice(severity, worked_out[0]).value,
        "category": _choice(category, worked_out[1]).value,
        "endpoint": context.pop("endpoint", None),
        "release": context.pop("release", settings.commit_sha),
        "service": context.pop("service", None),
        "environment": settings.node_env or "production",
        "user_hash": hash_user(text_of(user_id), settings.user_hash_key or "") if user_id is not None else None,
        "frames": frames_of(error) if isinstance(error, BaseException) else None,
        "exceptions": chain_of(error) if isinstance(error, BaseException) else None,
        "context": context or None,
        "sdk": "callwatch",
    }
    return finish_event(given, datetime.now(UTC))


def _choice(given: Any, otherwise: Choice) -> Choice:
    """What was given, where it is one of the words: an error is not lost for the wrong name of its severity."""
    try:
        return type(otherwise)(given.lower())
    except (AttributeError, ValueError):
        return otherwise


def _context(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    return {text_of(key): value for key, value in given.items()} if isinstance(given, Mapping) else {"context": given}
