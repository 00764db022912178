"""Windows that recur on days of the week at a local time, across midnight and changes of the clock. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIN_DURATION_S, MAX_DURATION_S = 60, 7 * 86_400
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Begins on these days (0 is Monday) at `start` in the zone, and lasts `duration` of real time."""

    days: frozenset[int]
    start: time
    duration: timedelta
    timezone: str

    def find_window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return the window that contains `now`, in UTC; of several the one that ends last."""
        return max((window for window in self._list_begun(now) if window[0] <= now < window[1]), key=_get_end, default=None)

    def find_next(self, now: datetime) -> datetime:
        """Return the start of the first window after `now`, in UTC."""
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        later = (self._begin_on(today + number * _DAY) for number in range(9) if self._is_day(today + number * _DAY))
        return next(start for start in later if start > now)

    def _list_begun(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """List the windows that may contain `now`: those of today and of earlier days whose duration reaches so far."""
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        # A day of 23 hours needs one more day of looking back.
        for number in range(-1, self.duration // _DAY + 3):
            day = today - number * _DAY
            if self._is_day(day):
                start = self._begin_on(day)
                yield start, start + self.duration

    def _is_day(self, day: date) -> bool:
        return day.weekday() in self.days

    def _begin_on(self, day: date) -> datetime:
        """Return the start on a day: the first of two equal local times, and the next moment for one that is skipped."""
        return datetime.combine(day, self.start, ZoneInfo(self.timezone)).astimezone(UTC)


def _get_end(window: tuple[datetime, datetime]) -> datetime:
    return window[1]


def load_recurrence(stored: object) -> Recurrence | None:
    """Build the recurrence of the stored JSON {days, start, duration_s, timezone}. None: it is damaged."""
    if not isinstance(stored, Mapping):
        return None
    try:
        return parse_recurrence(stored)
    except (KeyError, ValueError, TypeError):
        return None


def parse_recurrence(given: Mapping[str, Any]) -> Recurrence:
    """Build a recurrence from its JSON form. Raises KeyError, ValueError or TypeError."""
    days = frozenset(DAYS.index(day) for day in given["days"])
    duration_s = given["duration_s"]
    if not days or isinstance(duration_s, bool) or not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise ValueError
    try:
        ZoneInfo(given["timezone"])
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None
    return Recurrence(days, parse_start(given["start"]), timedelta(seconds=duration_s), given["timezone"])


def parse_start(text: str) -> time:
    """Parse a local time such as 22:00 or 22:00:30. Raises ValueError, TypeError."""
    if len(text) not in (5, 8) or not text.isascii():
        raise ValueError(text)
    return time.fromisoformat(text)
