"""A Sentry event as an event of ours."""

import re
from datetime import UTC, datetime
from typing import Any

from callwatch.tracker.classify import classify_words
from callwatch.tracker.scrub import hash_user

_SEVERITY = {"fatal": "critical", "warning": "medium", "info": "low", "debug": "low", "log": "low"}
_MOST_FRAMES = 250
_MOST_LINKS = 50
_STUB_BYTES = 2_000
_USER_FIELDS = ("id", "email", "username", "ip_address")


def convert(event: dict[str, Any], user_key: str) -> dict[str, Any]:
    """Fields as callwatch.tracker.event wants them; whatever has another shape than expected is left out."""
    links = _links(event)
    last = links[-1] if links else {}
    kind = _text(last.get("type"), 300)
    message = _message(event, last)
    module = _text(last.get("module"), 200)
    severity, category = classify_words(f"{module}.{kind}" if module and kind else kind, message)
    level = str(event.get("level") or "error")
    return {
        "event_id": id_of(event.get("event_id")),
        "occurred_at": _time(event.get("timestamp")),
        "type": kind,
        "message": message,
        "severity": _SEVERITY.get(level, severity.value),
        "category": category.value,
        "environment": _text(event.get("environment"), 100),
        "release": _text(event.get("release"), 200),
        "endpoint": _text(event.get("transaction"), 300),
        "service": _text(event.get("server_name"), 200),
        "user_hash": _user_hash(event.get("user"), user_key),
        "fingerprint": _fingerprint(event.get("fingerprint")),
        "frames": _frames(last) or _frames(_thread(event)),
        "exceptions": [{"type": _text(link.get("type"), 300), "value": _text(link.get("value"), 5000)} for link in links] or None,
        "breadcrumbs": _breadcrumbs(event.get("breadcrumbs")),
        "tags": _tags(event.get("tags")),
        "context": {name: event[name] for name in ("contexts", "extra") if isinstance(event.get(name), dict)} or None,
        "request": _request(event.get("request")),
        "sdk": _sdk(event.get("sdk")),
    }


def stub(message: str, payload: bytes) -> dict[str, Any]:
    """An event whose payload was not read, and why: that it happened is kept, with the beginning of what came."""
    return {
        "event_id": None,
        "message": message,
        "type": "UnreadableEvent",
        "context": {"payload": payload[:_STUB_BYTES].decode("utf-8", "replace")},
        "mended": ["unreadable"],
    }


def id_of(value: Any) -> str | None:
    """An event's id as 32 hex digits; None for what is none."""
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else None


def _links(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The chain of exceptions, the outermost last; groups are flattened by the SDK already."""
    found = event.get("exception")
    values = found.get("values") if isinstance(found, dict) else found
    links = [link for link in values if isinstance(link, dict)] if isinstance(values, list) else []
    return links[-_MOST_LINKS:]


def _message(event: dict[str, Any], last: dict[str, Any]) -> str:
    if last:
        return _text(last.get("value"), 20_000) or _text(last.get("type"), 300) or "(no message)"
    entry = event.get("logentry")
    if isinstance(entry, dict):
        return _text(entry.get("formatted") or entry.get("message"), 20_000) or "(no message)"
    message = event.get("message")
    if isinstance(message, dict):
        message = message.get("formatted") or message.get("message")
    return _text(message, 20_000) or "(no message)"


def _thread(event: dict[str, Any]) -> dict[str, Any]:
    """The thread to show where there is no exception: the one that crashed, or that a message was captured in."""
    threads = event.get("threads")
    values = threads.get("values") if isinstance(threads, dict) else threads
    found = [thread for thread in values if isinstance(thread, dict)] if isinstance(values, list) else []
    for name in ("crashed", "current"):
        for thread in found:
            if thread.get(name):
                return thread
    return found[0] if len(found) == 1 else {}


def _frames(holder: dict[str, Any]) -> list[dict[str, Any]] | None:
    stack = holder.get("stacktrace")
    frames = stack.get("frames") if isinstance(stack, dict) else None
    kept = []
    for frame in frames if isinstance(frames, list) else []:
        if isinstance(frame, dict):
            names = ("filename", "function", "module", "lineno", "colno", "in_app", "context_line", "vars")
            kept.append({name: frame[name] for name in names if frame.get(name) is not None})
    half = _MOST_FRAMES // 2
    return (kept if len(kept) <= _MOST_FRAMES else [*kept[:half], *kept[-half:]]) or None


def _user_hash(user: Any, key: str) -> str | None:
    if not isinstance(user, dict):
        return None
    found = next((user[name] for name in _USER_FIELDS if user.get(name) not in (None, "")), None)
    return hash_user(str(found), key) if found is not None else None


def _fingerprint(value: Any) -> list[str] | None:
    parts = [str(part)[:500] for part in value[:20]] if isinstance(value, list) else []
    # The SDKs' default says nothing of its own.
    return None if not parts or parts == ["{{ default }}"] else parts


def _breadcrumbs(value: Any) -> list[Any] | None:
    crumbs = value.get("values") if isinstance(value, dict) else value
    return [crumb for crumb in crumbs if isinstance(crumb, dict)][-100:] or None if isinstance(crumbs, list) else None


def _tags(value: Any) -> dict[str, str] | None:
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, list) else []
    tags = {}
    for pair in pairs:
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and pair[1] is not None:
            tags[str(pair[0])[:200]] = str(pair[1])[:500]
    return tags or None


def _request(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    return {
        name: value[name] for name in ("method", "url", "headers", "query_string", "data") if value.get(name) is not None
    } or None


def _sdk(value: Any) -> str | None:
    return f"{value.get('name', 'unknown')}/{value.get('version', '')}"[:100] if isinstance(value, dict) else None


def _text(value: Any, limit: int) -> str | None:
    return None if value is None or value == "" else str(value)[:limit]


def _time(value: Any) -> datetime | None:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        when = datetime.fromisoformat(value)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
