"""Parses how long a receiver asks to wait."""

import email.utils
from typing import Any, Protocol


class Headers(Protocol):
    """Headers by lower-case name, as http.client and botocore give them."""

    def get(self, name: str, /) -> str | None:
        """Return the header's value, or None."""


# One response may hold a channel for at most an hour; the next attempt may extend it.
MAX_RETRY_AFTER_S = 3600.0
_LIMIT_MET = 429


def parse_retry_after(status: int, headers: Headers, now_s: float) -> float | None:
    """Return seconds from `now_s` (since 1970), at most an hour; None if the headers hold nothing usable.

    Retry-After holds seconds or an HTTP date. X-RateLimit-Reset (SendGrid) holds a time since 1970; it is sent with every
    response, so it counts only if the status says that the limit is reached.
    """
    seconds = _parse_seconds(headers.get("retry-after"), now_s)
    if seconds is None and status == _LIMIT_MET:
        reset_at = _parse_number(headers.get("x-ratelimit-reset"))
        seconds = reset_at - now_s if reset_at is not None and reset_at > now_s else None
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def parse_retry_body(content: Any, status: int) -> float | None:
    """Return the seconds that the JSON of a 429 asks for: Matrix's retry_after_ms, Telegram's and Discord's retry_after."""
    if status != _LIMIT_MET or not isinstance(content, dict):
        return None
    inner = content.get("parameters")
    asked_s = inner.get("retry_after") if isinstance(inner, dict) else content.get("retry_after")
    for asked, unit_s in ((asked_s, 1.0), (content.get("retry_after_ms"), 0.001)):
        if isinstance(asked, int | float) and not isinstance(asked, bool) and asked >= 0:
            return min(min(asked, 1e9) * unit_s, MAX_RETRY_AFTER_S)
    return None


def _parse_seconds(value: str | None, now_s: float) -> float | None:
    if not value:
        return None
    seconds = _parse_number(value)
    if seconds is not None:
        return seconds
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return None


def _parse_number(value: str | None) -> float | None:
    """Parse a number without a sign; None for what else float() accepts (nan, inf, 1e9)."""
    text = (value or "").strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20 else None
