"""Times as text: ISO 8601, read as aware UTC and written with Z."""

import re
from datetime import UTC, datetime

_LEAP_SECOND = re.compile(r":60(?=$|[.Zz+-])")


def parse_time(text: str, *, is_zoned: bool = False, is_clamped: bool = False) -> datetime:
    """An ISO 8601 time as aware UTC; a time without a zone counts as UTC. Raises ValueError.

    A leap second becomes the second before it. is_zoned: refuse a time without a zone. is_clamped: a time that its zone moves
    out of the calendar is set to the calendar's edge, and not refused.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text))
    except TypeError:
        raise ValueError("not a text") from None
    if is_zoned and when.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return to_utc(when)
    except OverflowError:
        if not is_clamped:
            raise ValueError("a time outside of the calendar") from None
        return datetime.min.replace(tzinfo=UTC) if when.year < 5_000 else datetime.max.replace(tzinfo=UTC)


def to_utc(when: datetime) -> datetime:
    """A time in UTC; a time without a zone counts as UTC. Raises OverflowError."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)


def from_ms(at_ms: int) -> datetime:
    """Milliseconds since 1970 as aware UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def format_time(when: datetime) -> str:
    """An aware time as ISO 8601 in UTC with Z."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
