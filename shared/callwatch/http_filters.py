"""Filters of lists in the query string, checked: times, one of several words, free words."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from callwatch.http import Page, Request, unprocessable

_MOST_CHARACTERS = 300


def text_filter(request: Request, name: str) -> str | None:
    """A free text, or None where it is not given. Raises HttpError 422."""
    value = request.query.get(name)
    if value is None or value == "":
        return None
    if len(value) > _MOST_CHARACTERS or not is_storable(value):
        raise unprocessable(name, f"takes a text of at most {_MOST_CHARACTERS} characters")
    return value


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can take the text: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def choice_filter(request: Request, name: str, choices: Iterable[str]) -> str | None:
    """One of some words, or None. Raises HttpError 422 naming them."""
    value = text_filter(request, name)
    known = list(choices)
    if value is not None and value not in known:
        raise unprocessable(name, f"takes one of {', '.join(known)}")
    return value


def time_filter(request: Request, name: str) -> datetime | None:
    """An ISO 8601 time as aware UTC, or None. Raises HttpError 422."""
    value = text_filter(request, name)
    if value is None:
        return None
    try:
        # An unescaped + of a zone arrives as a blank.
        return parse_time(value.replace(" ", "+") if "T" in value else value)
    except ValueError:
        raise unprocessable(name, "takes an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def parse_time(text: str) -> datetime:
    """An ISO 8601 time as aware UTC, which it is without a zone. Raises ValueError.

    A leap second is the one before it; a time whose zone leads out of the calendar is at its edge.
    """
    when = datetime.fromisoformat(re.sub(r":60(?=$|[.Zz+-])", ":59", text))
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if when.year < 5_000 else datetime.max.replace(tzinfo=UTC)


def number_filter(request: Request, name: str) -> int | None:
    """A whole number, or None. Raises HttpError 422."""
    value = text_filter(request, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise unprocessable(name, "takes a whole number")
    return int(value)


def position_of(page: Page) -> tuple[datetime | None, int | None]:
    """Where a page of a list ordered by time and id begins. Raises HttpError 422 for a cursor of another list."""
    if page.cursor is None:
        return None, None
    try:
        at, identifier = page.cursor
        if isinstance(identifier, float) or not 0 <= int(identifier) < 2**63:
            raise ValueError(identifier)
        when = datetime.fromisoformat(at)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC), int(identifier)
    except (ValueError, TypeError, OverflowError):
        raise unprocessable("cursor", "takes the next_cursor of an earlier answer") from None
