"""ISO weeks in the owners' time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callwatch.exceptions import Invalid

_NAME = re.compile(r"(20\d\d)-W(\d\d)")


@dataclass(frozen=True, slots=True)
class Week:
    """One week from Monday 00:00 to Monday 00:00 in a zone. until, last_day: its end, or now while it runs."""

    name: str
    timezone: str
    since: datetime
    until: datetime
    is_complete: bool
    first_day: date
    last_day: date


def find_week(name: str | None, timezone: str, now: datetime) -> Week:
    """The named week, or the last complete one. Raises Invalid for a name that is none, or a week that has not begun."""
    zone = ZoneInfo(timezone)
    monday = _parse_monday(name) if name else _find_monday(now.astimezone(zone).date()) - timedelta(days=7)
    since, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (monday, monday + timedelta(days=7)))
    if since >= now:
        raise Invalid("week", "must have begun")
    year, number, _day = monday.isocalendar()
    last_day = min(monday + timedelta(days=6), now.astimezone(zone).date())
    return Week(f"{year}-W{number:02}", timezone, since, min(end, now), end <= now, monday, last_day)


def _parse_monday(name: str) -> date:
    found = _NAME.fullmatch(name)
    try:
        if found is None:
            raise ValueError(name)
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        raise Invalid("week", "must be an ISO week such as 2026-W48") from None


def _find_monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
