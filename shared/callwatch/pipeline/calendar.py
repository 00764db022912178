"""Holidays of a stage file, as rules that hold for each year: fixed days, n-th weekdays, days counted from Easter, single days.

A package with the holidays of all countries has a hundred times the size, and does not know on which of them a customer works.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, cast

from callwatch.pipeline.file_fields import read_text
from callwatch.pipeline.queries.described import Holiday

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KINDS = ({"month", "day"}, {"month", "weekday", "nth"}, {"easter"}, {"date"})
_TAKES = (
    'a holiday such as {"name": "Christmas", "month": 12, "day": 25}, {"name": "Labor Day", "month": 9, "weekday": "monday",'
    ' "nth": 1}, {"name": "Good Friday", "easter": -2} or {"name": "moving", "date": "2026-12-24"}'
)


def read_holiday(raw: Any) -> Holiday:
    """One holiday. month, day: a fixed day. month, weekday, nth: -1 for the last. easter: days after Easter Sunday. date: once.

    Raises ValueError.
    """
    if not isinstance(raw, dict) or set(raw) - {"name"} not in _KINDS or "name" not in raw:
        raise ValueError(_TAKES)
    found = cast(Holiday, {**raw, "name": read_text(raw["name"])})
    try:
        if "date" in raw:
            found["date"] = date.fromisoformat(raw["date"])
        numbers = [raw[name] for name in ("month", "day", "nth", "easter") if name in raw]
        is_whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
        if not is_whole or raw.get("weekday", "monday") not in _WEEKDAYS or raw.get("nth", 1) not in (-1, 1, 2, 3, 4, 5):
            raise ValueError(_TAKES)
        if not -180 <= raw.get("easter", 0) <= 180:
            raise ValueError(_TAKES)
        # 29 February is a day in some years only.
        date(2028, raw.get("month", 1), raw.get("day", 1))
    except (ValueError, TypeError):
        raise ValueError(_TAKES) from None
    return found


def find_holiday(holidays: Sequence[Holiday], day: date) -> str | None:
    """The name of the holiday on a day; None if it is none."""
    return next((holiday["name"] for holiday in holidays if _is_on(holiday, day)), None)


def _is_on(holiday: Holiday, day: date) -> bool:
    if "date" in holiday:
        return bool(day == holiday["date"])
    if "easter" in holiday:
        return day == compute_easter(day.year) + timedelta(days=holiday["easter"])
    if day.month != holiday["month"]:
        return False
    if "day" in holiday:
        return bool(day.day == holiday["day"])
    if day.weekday() != _WEEKDAYS.index(holiday["weekday"]):
        return False
    is_last = (day + timedelta(days=7)).month != day.month
    return is_last if holiday["nth"] == -1 else (day.day - 1) // 7 + 1 == holiday["nth"]


def compute_easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
