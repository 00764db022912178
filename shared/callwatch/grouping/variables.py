"""The variables of a fingerprint that a client sets, as Sentry documents them for fingerprint rules."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from callwatch.grouping.in_app import is_in_app

_VARIABLE = re.compile(r"\{\{\s{0,10}([\w.:-]{1,100})\s{0,10}\}\}")
# A text full of variables would otherwise become many times as long as the event.
_MAX_VARIABLES = 10
_MAX_CHARS = 500
_FRAME_FIELDS = {
    "function": "function",
    "stack.function": "function",
    "module": "module",
    "stack.module": "module",
    "package": "package",
    "stack.package": "package",
    "path": "abs_path",
    "stack.abs_path": "abs_path",
    "stack.filename": "filename",
    "filename": "filename",
}
_EVENT_FIELDS = {
    "type": "type",
    "error.type": "type",
    "level": "level",
    "logger": "logger",
    "transaction": "endpoint",
    "environment": "environment",
    "release": "release",
}
_VALUES = frozenset({"value", "error.value", "message"})


def fill_variables(parts: list[Any], event: Mapping[str, Any], find_default: Callable[[], str]) -> list[str]:
    """The parts of a fingerprint with their variables replaced; an unknown variable stays as it is."""
    return [_fill(str(part), event, find_default) for part in parts]


def _fill(part: str, event: Mapping[str, Any], find_default: Callable[[], str]) -> str:
    if "{{" not in part:
        return part
    return _VARIABLE.sub(lambda match: _find(match[1], match[0], event, find_default), part, count=_MAX_VARIABLES)


def _find(name: str, whole: str, event: Mapping[str, Any], find_default: Callable[[], str]) -> str:
    if name == "default":
        return find_default()
    if name in _EVENT_FIELDS:
        return _show(event.get(_EVENT_FIELDS[name]), name)
    if name in _VALUES:
        return _show(event.get("message"), name)
    if name in _FRAME_FIELDS:
        frame = _find_frame(event)
        found = frame.get(_FRAME_FIELDS[name]) or (frame.get("filename") if "path" in name else None)
        return _show(found, name)
    if name.startswith("tags."):
        tags = event.get("tags")
        return _show(tags.get(name[5:]) if isinstance(tags, dict) else None, name)
    return whole


def _find_frame(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The innermost frame of the application; without one, the innermost frame."""
    frames = [frame for frame in event.get("frames") or [] if isinstance(frame, dict)]
    return next((frame for frame in reversed(frames) if is_in_app(frame)), frames[-1] if frames else {})


def _show(value: Any, name: str) -> str:
    return f"<no {name}>" if value is None or value == "" else str(value)[:_MAX_CHARS]
