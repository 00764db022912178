"""Replaces values that JSON allows and PostgreSQL refuses, so that a hostile value does not cost the whole error."""

import json
import math
import re
from typing import Any

MAX_DEPTH = 40
MAX_KEY_CHARS = 500
_SURROGATE = re.compile("[\ud800-\udfff]")
# jsonb keeps numbers of any size, but readers that parse them as doubles do not.
_MAX_INT = 2**63


def sanitize(value: Any) -> tuple[Any, list[str]]:
    """The value with NUL, lone surrogates, NaN, infinities, huge integers, very long keys and very deep nesting replaced.

    Returns it with the sorted kinds of what was replaced: nul, surrogate, number, key, depth. A value with nothing to replace
    is returned itself.
    """
    if _has_nothing_to_replace(value):
        return value, []
    marks: set[str] = set()
    return _sanitize(value, marks, 0), sorted(marks)


def render_json(value: Any) -> str:
    """JSON as a text that UTF-8 can hold: lone surrogates keep their escapes. Raises ValueError, RecursionError."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isascii() or not _SURROGATE.search(text) else json.dumps(value)


def replace_surrogates(text: str) -> str:
    """A text that UTF-8 can hold, whatever made it."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _has_nothing_to_replace(value: Any) -> bool:
    """Whether nothing would be replaced, as in most events: one pass over each level, and one look at all texts together."""
    keys: list[Any] = []
    texts: list[str] = []
    level = [value]
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for holder in level:
            if type(holder) is dict:
                keys += holder
                holder = holder.values()
            elif type(holder) is not list:
                return False
            for item in holder:
                kind = type(item)
                if kind is str:
                    texts.append(item)
                elif kind is dict or kind is list:
                    following.append(item)
                elif item is not None and kind is not bool and not _is_plain_number(item, kind):
                    return False
        if not following:
            return _are_plain_keys(keys) and _are_plain("".join([*keys, *texts]))
        level = following
    return False


def _are_plain_keys(keys: list[Any]) -> bool:
    return {str}.issuperset(map(type, keys)) and max(map(len, keys), default=0) <= MAX_KEY_CHARS


def _is_plain_number(value: Any, kind: type) -> bool:
    return -_MAX_INT < value < _MAX_INT if kind is int else kind is float and math.isfinite(value)


def _are_plain(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        # Only a lone surrogate cannot be encoded.
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sanitize(value: Any, marks: set[str], depth: int) -> Any:
    if isinstance(value, str):
        return value if _is_clean(value) else _sanitize_text(value, marks)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _sanitize_number(value, marks)
    if isinstance(value, (dict, list, tuple)):
        if depth >= MAX_DEPTH:
            marks.add("depth")
            return "[too deep]"
        if isinstance(value, dict):
            return _sanitize_object(value, marks, depth)
        return [_sanitize(item, marks, depth + 1) for item in value]
    return _sanitize_text(render_text(value), marks)


def _sanitize_object(value: dict[Any, Any], marks: set[str], depth: int) -> dict[str, Any]:
    clean = {}
    for number, (key, item) in enumerate(value.items()):
        is_clean_key = isinstance(key, str) and len(key) <= MAX_KEY_CHARS and _is_clean(key)
        name = key if is_clean_key else _sanitize_key(key, number, marks)
        # Most values are texts with nothing to replace: they need no further call.
        clean[name] = item if isinstance(item, str) and _is_clean(item) else _sanitize(item, marks, depth + 1)
    return clean


def _is_clean(text: str) -> bool:
    return text.isascii() and "\x00" not in text


def _sanitize_key(key: Any, number: int, marks: set[str]) -> str:
    text = _sanitize_text(render_text(key), marks)
    if len(text) <= MAX_KEY_CHARS:
        return text
    # No real name is that long; regular expressions and caches of names do not get it. The number distinguishes two such keys.
    marks.add("key")
    return f"[key {number} of {len(text)} characters]"


def render_text(value: Any) -> str:
    """The value as text; never raises, whatever its class does."""
    try:
        return str(value)
    except Exception:
        return "(no text: its __str__ failed)"


def _sanitize_text(text: str, marks: set[str]) -> str:
    if "\x00" in text:
        marks.add("nul")
        text = text.replace("\x00", "\ufffd")
    if not text.isascii() and _SURROGATE.search(text):
        marks.add("surrogate")
        text = replace_surrogates(text)
    return text


def _sanitize_number(value: float, marks: set[str]) -> Any:
    if isinstance(value, int):
        if abs(value) < _MAX_INT:
            return value
        marks.add("number")
        # Python refuses to format integers of more than 4,300 digits.
        return f"[integer of {value.bit_length()} bits]"
    if math.isfinite(value):
        return value
    marks.add("number")
    return "[not a number]" if math.isnan(value) else "[infinite]"
