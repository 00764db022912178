"""Makes an event fit the queue's limit by rule, and says what was left out."""

import json
from typing import Any

_LONG_TEXT = 4_000
_FRAMES_KEPT = 50
_BREADCRUMBS_KEPT = 20


def trim(event: dict[str, Any], limit_bytes: int) -> dict[str, Any]:
    """The event in at most `limit_bytes` of JSON; `trimmed` lists what went, in the order in which it went.

    First variables of frames, then old breadcrumbs, middle frames, long texts, and at last all that is optional.
    """
    if size_of(event) <= limit_bytes:
        return event
    event = {**event, "trimmed": list(event.get("trimmed", []))}
    for name, step in (
        ("vars", _drop_vars),
        ("breadcrumbs", _drop_breadcrumbs),
        ("frames", _drop_frames),
        ("text", _cut),
    ):
        event = step(event)
        event["trimmed"].append(name)
        if size_of(event) <= limit_bytes:
            return event
    for name in ("contexts", "context", "request", "breadcrumbs", "tags", "stack", "frames", "exceptions"):
        if event.get(name):
            event[name] = None
            event["trimmed"].append(name)
            if size_of(event) <= limit_bytes:
                return event
    return {**event, "message": str(event.get("message", ""))[:1000]}


def size_of(event: dict[str, Any]) -> int:
    """Bytes of the event as JSON."""
    return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())


def _drop_vars(event: dict[str, Any]) -> dict[str, Any]:
    frames = [{key: value for key, value in frame.items() if key != "vars"} for frame in event.get("frames") or []]
    return {**event, "frames": frames or event.get("frames")}


def _drop_breadcrumbs(event: dict[str, Any]) -> dict[str, Any]:
    crumbs = event.get("breadcrumbs")
    return {**event, "breadcrumbs": crumbs[-_BREADCRUMBS_KEPT:] if crumbs else crumbs}


def _drop_frames(event: dict[str, Any]) -> dict[str, Any]:
    frames = event.get("frames") or []
    if len(frames) <= _FRAMES_KEPT:
        return event
    half = _FRAMES_KEPT // 2
    return {**event, "frames": [*frames[:half], *frames[-half:]]}


def _cut(event: dict[str, Any]) -> dict[str, Any]:
    def cut(value: Any) -> Any:
        if isinstance(value, str):
            return value if len(value) <= _LONG_TEXT else value[:_LONG_TEXT] + " [cut]"
        if isinstance(value, dict):
            return {key[:200]: cut(item) for key, item in list(value.items())[:200]}
        if isinstance(value, list):
            return [cut(item) for item in value[:200]]
        return value

    result: dict[str, Any] = cut(event)
    return result
