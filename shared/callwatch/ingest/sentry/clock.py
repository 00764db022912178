"""Corrects the time of an event whose sender's clock is wrong, by the time at which its envelope says it was sent."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.times import to_utc

# Relay's figure: below it, network and queues explain the difference.
MAX_DRIFT = timedelta(minutes=55)
# An event happens before it is sent. One that claims to be later was not timed by the clock that wrote `sent_at`.
_TOLERANCE = timedelta(minutes=1)
MARK = "clock"
_MAX_SECONDS = 100_000_000_000
_NUMBER = re.compile(r"\d{9,14}(?:\.\d{1,9})?")


def correct_clock(given: dict[str, Any], sent_at: datetime | None, now: datetime) -> dict[str, Any]:
    """The converted event with its time moved by the drift between sender and us, marked "clock"; unchanged if that is small."""
    occurred_at = given.get("occurred_at")
    if sent_at is None or not isinstance(occurred_at, datetime) or occurred_at > sent_at + _TOLERANCE:
        return given
    drift = now - sent_at
    if abs(drift) <= MAX_DRIFT:
        return given
    try:
        return {**given, "occurred_at": occurred_at + drift, "sanitized": [*given.get("sanitized", []), MARK]}
    except OverflowError:
        return given


def read_time(value: Any) -> datetime | None:
    """A time as Sentry's protocol writes it: seconds since 1970, or ISO 8601, UTC if it names no zone.

    A number beyond the year 5138 counts milliseconds.
    """
    try:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) > _MAX_SECONDS else value, UTC)
        return to_utc(datetime.fromisoformat(value))
    except (ValueError, TypeError, OverflowError, OSError):
        return None
