"""Mends what JSON allows and PostgreSQL refuses, so that a hostile value cannot take an error down with it."""

import math
import re
from typing import Any

MAX_DEPTH = 40
_SURROGATE = re.compile("[\ud800-\udfff]")
# jsonb keeps numbers of any size, but whoever reads them as a double does not.
_BIGGEST_INT = 2**63


def mend(value: Any) -> tuple[Any, list[str]]:
    """The value with NUL, lone surrogates, NaN, infinities, huge integers and bottomless nesting replaced.

    Returns it with the sorted kinds of what was replaced: nul, surrogate, number, depth.
    """
    marks: set[str] = set()
    return _mend(value, marks, 0), sorted(marks)


def _mend(value: Any, marks: set[str], depth: int) -> Any:
    if isinstance(value, str):
        return _mend_text(value, marks)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _mend_number(value, marks)
    if isinstance(value, (dict, list, tuple)):
        if depth >= MAX_DEPTH:
            marks.add("depth")
            return "[too deep]"
        if isinstance(value, dict):
            return {_mend_text(text_of(key), marks): _mend(item, marks, depth + 1) for key, item in value.items()}
        return [_mend(item, marks, depth + 1) for item in value]
    return _mend_text(text_of(value), marks)


def text_of(value: Any) -> str:
    """The value as text; never raises, whatever its class does."""
    try:
        return str(value)
    except Exception:
        return "(no text: its __str__ failed)"


def _mend_text(text: str, marks: set[str]) -> str:
    if "\x00" in text:
        marks.add("nul")
        text = text.replace("\x00", "\ufffd")
    if not text.isascii() and _SURROGATE.search(text):
        marks.add("surrogate")
        text = _SURROGATE.sub("\ufffd", text)
    return text


def _mend_number(value: float, marks: set[str]) -> Any:
    if isinstance(value, int):
        if abs(value) < _BIGGEST_INT:
            return value
        marks.add("number")
        # Python refuses to write out integers of more than 4,300 digits.
        return f"[integer of {value.bit_length()} bits]"
    if math.isfinite(value):
        return value
    marks.add("number")
    return "[not a number]" if math.isnan(value) else "[infinite]"
