"""How long a receiver asks to be left alone."""

import email.utils
from typing import Protocol


class Headers(Protocol):
    """Headers by lower-case name, as http.client and botocore give them."""

    def get(self, name: str, /) -> str | None:
        """The header's value, or None."""


# An hour is as long as one answer may silence a channel: the next try asks anew.
MOST_S = 3600.0
_LIMIT_MET = 429


def retry_after_of(status: int, headers: Headers, now_s: float) -> float | None:
    """Seconds from `now_s` (since 1970), at most an hour; None where the headers say nothing usable.

    Retry-After gives seconds or an HTTP date. X-RateLimit-Reset (SendGrid) gives a time since 1970; it stands on any
    answer, and asks for something only where the status says that the limit is met.
    """
    seconds = _seconds_of(headers.get("retry-after"), now_s)
    if seconds is None and status == _LIMIT_MET:
        reset_at = _number(headers.get("x-ratelimit-reset"))
        seconds = reset_at - now_s if reset_at is not None and reset_at > now_s else None
    return None if seconds is None else min(max(seconds, 0.0), MOST_S)


def _seconds_of(value: str | None, now_s: float) -> float | None:
    if not value:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    """A whole or decimal number without a sign; what else float() takes (nan, inf, 1e9) is none."""
    text = (value or "").strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20 else None
