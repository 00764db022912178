"""Builds an event from whatever code hands to the tracker."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from callwatch.build_id import read_build_id
from callwatch.events.event import finish_event
from callwatch.grouping.classify import classify, classify_words
from callwatch.grouping.frames import list_chain, list_frames, read_message
from callwatch.route_names import replace_ids
from callwatch.scrubbing.sanitize import render_text
from callwatch.scrubbing.scrubber import hash_user
from callwatch.settings import Settings, load_tracker_settings

Choice = TypeVar("Choice", bound=StrEnum)


def build_event(error: Any, severity: Any, category: Any, context: Any) -> dict[str, Any]:
    """The finished event; a severity or category that is not a known word is derived from the error."""
    settings, context = load_tracker_settings(), _render_context(context)
    is_exception = isinstance(error, BaseException)
    text = read_message(error) if isinstance(error, BaseException) else render_text(error)
    worked_out = classify(error) if isinstance(error, BaseException) else classify_words(None, text)
    user_id = context.pop("user_id", None)
    endpoint = context.pop("endpoint", None)
    given: dict[str, Any] = {
        "type": type(error).__name__ if is_exception else None,
        "message": text,
        "severity": _choose(severity, worked_out[0]).value,
        "category": _choose(category, worked_out[1]).value,
        "endpoint": replace_ids(endpoint) if isinstance(endpoint, str) else endpoint,
        "release": context.pop("release", settings.commit_sha or _find_own_release(settings)),
        "service": context.pop("service", None),
        "environment": settings.node_env or "production",
        "user_hash": hash_user(render_text(user_id), settings.user_hash_key or "") if user_id is not None else None,
        "frames": list_frames(error) if isinstance(error, BaseException) else None,
        "exceptions": list_chain(error) if isinstance(error, BaseException) else None,
        "context": context or None,
        "sdk": "callwatch",
    }
    return finish_event(given, datetime.now(UTC))


def _find_own_release(settings: Settings) -> str | None:
    """The build of the layer, for errors of Callwatch itself: a host that attaches the layer has releases of its own."""
    build_id = read_build_id() if settings.callwatch_project_id == 0 else None
    return f"build-{build_id}" if build_id else None


def _choose(given: Any, otherwise: Choice) -> Choice:
    """The given value if it is one of the words: an error is not lost because its severity has a wrong name."""
    try:
        return type(otherwise)(given.lower())
    except (AttributeError, ValueError):
        return otherwise


def _render_context(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    return {render_text(key): value for key, value in given.items()} if isinstance(given, Mapping) else {"context": given}
