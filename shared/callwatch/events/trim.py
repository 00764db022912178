"""Makes an event fit a size limit by rule, and marks what was left out."""

import json
import marshal
from collections.abc import Callable
from typing import Any

_LONG_TEXT = 4_000
_FRAMES_KEPT = 50
_BREADCRUMBS_KEPT = 20
_CUT = " [cut]"
_OPTIONAL = (
    *("modules", "debug_meta", "contexts", "context", "request", "breadcrumbs", "tags", "logentry", "stack", "frames"),
    "exceptions",
)
# Longer than a card number, a phone number, an address, or the minimum length in the rules for tokens.
_SEAM_CHARS = 120


def trim(event: dict[str, Any], limit_bytes: int) -> dict[str, Any]:
    """The event in at most `limit_bytes` of JSON; `trimmed` lists what was removed, in that order.

    It removes variables of frames first, then source lines around frames, old breadcrumbs, middle frames, long texts, and at
    last everything optional.
    """
    if measure_size(event) <= limit_bytes:
        return event
    event = {**event, "trimmed": list(event.get("trimmed", []))}
    for name, step in (
        ("vars", _drop_vars),
        ("source", _drop_source),
        ("breadcrumbs", _drop_breadcrumbs),
        ("frames", _drop_frames),
        ("text", _cut),
    ):
        event = step(event)
        event["trimmed"].append(name)
        if measure_size(event) <= limit_bytes:
            return event
    for name in _OPTIONAL:
        if event.get(name):
            event[name] = None
            event["trimmed"].append(name)
            if measure_size(event) <= limit_bytes:
                return event
    return {**event, "message": cut_text(str(event.get("message", "")), 1000)}


def cut_text(text: str, max_chars: int) -> str:
    """The text, or its beginning with a mark where it was cut."""
    return text if len(text) <= max_chars else text[:max_chars] + _CUT


def cut_within(text: str, max_chars: int) -> str:
    """The text, or its beginning with the mark, together in at most `max_chars`."""
    return cut_text(text, max_chars - len(_CUT)) if len(text) > max_chars else text


def drop_seams(value: Any) -> Any:
    """A scrubbed value without the last characters of each text that was cut before the scrubbing.

    A private value may have stood across the cut, and half of it is not recognized as such.
    """
    if isinstance(value, str):
        return f"{value[: -len(_CUT) - _SEAM_CHARS].rstrip()}{_CUT}" if value.endswith(_CUT) else value
    if isinstance(value, dict):
        return {key: drop_seams(item) for key, item in value.items()}
    if isinstance(value, list):
        return [drop_seams(item) for item in value]
    return value


def measure_size(event: dict[str, Any]) -> int:
    """Bytes of the event as JSON."""
    return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))


def is_surely_below(event: dict[str, Any], limit_bytes: int) -> bool:
    """Whether the event as JSON is surely shorter, by a bound that takes a fifth of the time of measuring.

    marshal writes at least a sixth of JSON: one byte for null and false, and one for a control character, which JSON escapes.
    """
    try:
        return 6 * len(marshal.dumps(event, 2)) < limit_bytes
    except ValueError:
        return False


def _drop_vars(event: dict[str, Any]) -> dict[str, Any]:
    return _map_stacks(event, lambda frames: _drop_keys(frames, ("vars",)))


def _drop_source(event: dict[str, Any]) -> dict[str, Any]:
    return _map_stacks(event, lambda frames: _drop_keys(frames, ("pre_context", "post_context")))


def _drop_breadcrumbs(event: dict[str, Any]) -> dict[str, Any]:
    crumbs = event.get("breadcrumbs")
    return {**event, "breadcrumbs": crumbs[-_BREADCRUMBS_KEPT:] if crumbs else crumbs}


def _drop_frames(event: dict[str, Any]) -> dict[str, Any]:
    half = _FRAMES_KEPT // 2
    return _map_stacks(event, lambda frames: frames if len(frames) <= _FRAMES_KEPT else [*frames[:half], *frames[-half:]])


def _drop_keys(frames: list[Any], names: tuple[str, ...]) -> list[Any]:
    return [
        {key: value for key, value in frame.items() if key not in names} if isinstance(frame, dict) else frame for frame in frames
    ]


def _has_frames(link: Any) -> bool:
    return isinstance(link, dict) and isinstance(link.get("frames"), list)


def _map_stacks(event: dict[str, Any], change: Callable[[list[Any]], list[Any]]) -> dict[str, Any]:
    """The event with its own frames and those of its exceptions changed."""
    changed = dict(event)
    if isinstance(event.get("frames"), list):
        changed["frames"] = change(event["frames"])
    if isinstance(event.get("exceptions"), list):
        changed["exceptions"] = [
            {**link, "frames": change(link["frames"])}
            if isinstance(link, dict) and isinstance(link.get("frames"), list)
            else link
            for link in event["exceptions"]
        ]
    return changed


def _cut(event: dict[str, Any]) -> dict[str, Any]:
    def cut(value: Any) -> Any:
        if isinstance(value, str):
            return cut_text(value, _LONG_TEXT)
        if isinstance(value, dict):
            return {key[:200]: cut(item) for key, item in list(value.items())[:200]}
        if isinstance(value, list):
            return [cut(item) for item in value[:200]]
        return value

    result: dict[str, Any] = cut(event)
    return result
