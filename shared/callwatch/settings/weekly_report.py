"""WEEKLY_REPORT_AT: on which day of the week, and when, the weekly report is sent by mail."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from callwatch.settings.values import parse_timezone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FORM = re.compile(r"([a-z]+) ([01]\d|2[0-3]):([0-5]\d)(?: (\S+))?", re.IGNORECASE)
_EXPECTED = "a day and a time, such as monday 08:00, and a time zone behind them if it is not TIMEZONE"


@dataclass(frozen=True, slots=True)
class WeeklyTime:
    """A time of each week. weekday: 0 is Monday. timezone: None for that of TIMEZONE."""

    weekday: int
    at: time
    timezone: str | None

    def find_last(self, now: datetime, timezone: str) -> datetime:
        """When it was last; timezone: the one of TIMEZONE."""
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(self.timezone or timezone)
        day = now.astimezone(zone).date()
        day -= timedelta(days=(day.weekday() - self.weekday) % 7)
        last = datetime.combine(day, self.at, zone)
        return last if last <= now else datetime.combine(day - timedelta(days=7), self.at, zone)


def parse_weekly_time(raw: str) -> WeeklyTime:
    """The text of the variable. Raises ValueError whose text completes "WEEKLY_REPORT_AT must be ..."."""
    found = _FORM.fullmatch(raw.strip())
    if found is None or found[1].lower() not in DAYS:
        raise ValueError(_EXPECTED)
    zone = parse_timezone(found[4]) if found[4] else None
    return WeeklyTime(DAYS.index(found[1].lower()), time(int(found[2]), int(found[3])), zone)
