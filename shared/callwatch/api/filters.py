"""Checks filters of lists in the query string: times, one of several words, free text."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from callwatch.api.http import Page, Request, build_cursor_error
from callwatch.exceptions import Invalid
from callwatch.settings.values import parse_timezone
from callwatch.times import parse_time

Choice = TypeVar("Choice", bound=str)
_MAX_CHARACTERS = 300
# Characters that LIKE does not match literally.
_LIKE, _LITERALLY = re.compile(r"[\\%_]"), r"\\\g<0>"


def read_text_filter(request: Request, name: str) -> str | None:
    """A free text, or None if it is not given. Raises Invalid."""
    value = request.query.get(name)
    if value is None or value == "":
        return None
    if len(value) > _MAX_CHARACTERS or not is_storable(value):
        raise Invalid(name, f"must be a text of at most {_MAX_CHARACTERS} characters")
    return value


def read_pattern_filter(request: Request, name: str) -> str | None:
    """A free text as a pattern of LIKE that matches texts which contain it, or None. Raises Invalid."""
    words = read_text_filter(request, name)
    return f"%{_LIKE.sub(_LITERALLY, words)}%" if words else None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store the text: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def read_choice_filter(request: Request, name: str, choices: Iterable[Choice]) -> Choice | None:
    """One of some words, or None. Raises Invalid naming them."""
    value = read_text_filter(request, name)
    return None if value is None else parse_choice(name, value, choices)


def parse_choice(name: str, value: str, choices: Iterable[Choice]) -> Choice:
    """The choice that a text names. Raises Invalid naming all of them."""
    known = list(choices)
    found = next((choice for choice in known if choice == value), None)
    if found is None:
        raise Invalid(name, f"must be one of {', '.join(known)}")
    return found


def read_time_filter(request: Request, name: str) -> datetime | None:
    """An ISO 8601 time as aware UTC, or None. Raises Invalid."""
    value = read_text_filter(request, name)
    if value is None:
        return None
    try:
        # An unescaped + of a time zone arrives as a blank.
        return parse_time(value.replace(" ", "+") if "T" in value else value, is_clamped=True)
    except ValueError:
        raise Invalid(name, "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def read_zone_filter(request: Request, name: str) -> str | None:
    """The name of an IANA time zone that this machine has, or None. Raises Invalid."""
    value = read_text_filter(request, name)
    try:
        return None if value is None else parse_timezone(value)
    except ValueError as error:
        raise Invalid(name, f"must be {error}") from None


def read_number_filter(request: Request, name: str) -> int | None:
    """A whole number, or None. Raises Invalid."""
    value = read_text_filter(request, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid(name, "must be a whole number")
    return int(value)


def read_position(page: Page) -> tuple[datetime | None, int | None]:
    """The start of a page of a list ordered by time and id. Raises Invalid for a cursor of another list."""
    if page.cursor is None:
        return None, None
    try:
        at, identifier = page.cursor
        if isinstance(identifier, float) or not 0 <= int(identifier) < 2**63:
            raise ValueError(identifier)
        return parse_time(at), int(identifier)
    except (ValueError, TypeError, OverflowError):
        raise build_cursor_error() from None


def read_id_position(page: Page) -> int | None:
    """The start of a page of a list ordered by id. Raises Invalid for a cursor of another list."""
    position = page.cursor
    if position is None:
        return None
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < 2**63:
        raise build_cursor_error()
    return position
