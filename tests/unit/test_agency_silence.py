"""Silent agencies: found as soon as chance no longer explains it, and hardly ever by chance; and holidays."""

import json
import math
import random
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.calendar import compute_easter, find_holiday, read_holiday
from callwatch.pipeline.stage_file import parse_stages
from callwatch.pipeline.tenants.silence import MIN_EXPECTED, STEP_MIN, STEPS, count_by_tenant, expect_last_hour, find_silent
from tests.unit.test_stage_file import SMALL

DAYS, MINUTES = 90, 9 * 60
# By minute of nine working hours: how many calls of the day came before it.
Day = list[int]


def make_days(rate: float, seed: int, days: int = DAYS, spread: float = 0) -> list[Day]:
    """Return random days at so many calls an hour. spread: the standard deviation by which busy and quiet days differ."""
    draw = random.Random(seed)
    found = []
    for _ in range(days):
        pace = rate / 60 * math.exp(draw.gauss(0, spread) - spread**2 / 2)
        day, calls, next_at = [0], 0, draw.expovariate(pace)
        for minute in range(1, MINUTES + 1):
            while next_at < minute:
                calls, next_at = calls + 1, next_at + draw.expovariate(pace)
            day.append(calls)
        found.append(day)
    return found


def look(days: list[Day], day: int, minute: int) -> list[list[int]]:
    """Return the counts as they are read: the last hours of a day and of the ten days before, the newest quarter first."""
    bounds = [max(0, minute - STEP_MIN * step) for step in range(STEPS + 1)]
    return [
        [days[day - back][until] - days[day - back][since] for until, since in pairwise(bounds)]
        for back in range(min(day, 10) + 1)
    ]


def is_silent(days: list[Day], day: int, minute: int) -> bool:
    """Return whether an agency is silent next to another one that is at work."""
    if minute <= STEP_MIN or days[day][minute] > days[day][minute - STEP_MIN]:
        return False
    counts = {"agency": look(days, day, minute), "other": [[1] * STEPS] * 11}
    return any(found.tenant == "agency" for found in find_silent(counts))


def count_alarms(days: list[Day]) -> int:
    """Return how often a look in each minute finds a silence that is chance, as these agencies never stop."""
    looks = ((is_silent(days, day, minute) for minute in range(MINUTES + 1)) for day in range(10, len(days)))
    return sum(not before and now for each in looks for before, now in pairwise(each))


def stop(days: list[Day], day: int, minute: int) -> list[Day]:
    """Return the same days without the calls after a minute of one of them."""
    return [[min(calls, each[minute]) for calls in each] if number == day else each for number, each in enumerate(days)]


def find_stop(days: list[Day], day: int, minute: int) -> int:
    """Return after how many minutes a stop is found."""
    stopped = stop(days, day, minute)
    return next(now for now in range(minute, MINUTES) if is_silent(stopped, day, now)) - minute


@pytest.mark.parametrize("spread", [0, 0.2])
def test_ninety_days_of_random_calls_raise_almost_no_alarm(spread: float) -> None:
    alarms = sum(count_alarms(make_days(rate, round(rate), DAYS + 10, spread)) for rate in (2, 5, 10, 20, 40))
    # By the chosen rate, about one in the 90 days of five agencies; three where days differ.
    assert alarms <= (2 if spread == 0 else 5)


@pytest.mark.parametrize(("rate", "within_min"), [(10, 75), (24, 35), (48, 20), (100, 15)])
def test_silence_is_found_as_soon_as_statistics_allow(rate: float, within_min: int) -> None:
    days = make_days(rate, 7, 40)
    took = [find_stop(days, day, 200) for day in range(10, 40)]
    assert median(took) <= within_min
    assert min(took) >= 60 * MIN_EXPECTED / rate / 2


def test_half_an_hour_at_ten_an_hour_is_no_silence() -> None:
    """Even who knew the true rate would be wrong every second day: no rule on the times of calls can be faster."""
    days = make_days(10, 3, DAYS)
    gaps = sum(
        day[minute] == day[minute - 30] and day[minute - 30] > day[minute - 31] for day in days for minute in range(31, MINUTES)
    )
    assert gaps / DAYS == pytest.approx(90 * math.exp(-5), rel=0.35)
    assert count_alarms(days) == 0


def test_agency_is_not_silent_while_all_are() -> None:
    days = stop(make_days(40, 1, 12), 11, 180)
    assert find_silent({"a": look(days, 11, 450), "b": look(days, 11, 450)}) == []


def test_agency_that_is_often_quiet_is_not_silent() -> None:
    days = make_days(40, 1, 12)
    assert is_silent(stop(days, 11, 180), 11, 450)
    assert not is_silent(stop(stop(days, 11, 180), 5, 180), 11, 450)


def test_few_days_say_nothing() -> None:
    days = stop(make_days(40, 1, 3), 2, 0)
    assert not is_silent(days, 2, 450)
    assert expect_last_hour(look(days, 2, 450)) is None


def test_rows_are_counted_by_tenant_day_and_step() -> None:
    rows: list[dict[str, Any]] = [
        {"tenant": "a", "step": 0, "day": 0, "count": 2},
        {"tenant": "a", "step": 1, "day": 1, "count": 3},
        {"tenant": None, "step": 0, "day": 0, "count": 9},
        {"tenant": "a", "step": 0, "day": 9, "count": 9},
    ]
    assert count_by_tenant(rows, [2, 2]) == {"a": [[2, 0], [0, 3]]}
    assert count_by_tenant(rows, []) == {}


HOLIDAYS = [
    {"name": "Christmas", "month": 12, "day": 25},
    {"name": "Thanksgiving", "month": 11, "weekday": "thursday", "nth": 4},
    {"name": "Memorial Day", "month": 5, "weekday": "monday", "nth": -1},
    {"name": "Good Friday", "easter": -2},
    {"name": "moving", "date": "2026-12-24"},
]


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-12-25", "Christmas"), ("2031-12-25", "Christmas"), ("2026-11-26", "Thanksgiving"), ("2026-11-19", None),
        ("2026-05-25", "Memorial Day"), ("2027-05-31", "Memorial Day"), ("2027-05-24", None), ("2026-04-03", "Good Friday"),
        ("2026-12-24", "moving"), ("2027-12-24", None), ("2026-11-30", None),
    ],
)  # fmt: skip
def test_holidays_of_each_year(day: str, name: str | None) -> None:
    assert find_holiday([read_holiday(holiday) for holiday in HOLIDAYS], date.fromisoformat(day)) == name


def test_easter_is_that_of_the_calendar() -> None:
    assert [compute_easter(year).isoformat() for year in (2024, 2025, 2026, 2027, 2038)] == [
        "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"
    ]  # fmt: skip
    assert all(compute_easter(year).weekday() == 6 for year in range(1990, 2100))
    assert all(date(year, 3, 22) <= compute_easter(year) <= date(year, 3, 22) + timedelta(days=34) for year in range(1990, 2100))


@pytest.mark.parametrize(
    "holiday",
    [
        {}, {"name": "x"}, {"name": "x", "month": 13, "day": 1}, {"name": "x", "month": 2, "day": 30},
        {"name": "x", "easter": "1"},
        {"name": "x", "month": 5, "weekday": "mon", "nth": 1}, {"name": "x", "month": 5, "weekday": "monday", "nth": 6},
        {"name": "x", "date": "tomorrow"}, {"name": "x", "easter": 900}, {"month": 1, "day": 1}, {"name": "", "easter": 1}, 7,
        {"name": "x", "month": 1.5, "day": 1},
    ],
)  # fmt: skip
def test_bad_holiday_is_named(holiday: Any) -> None:
    raw = {**json.loads(json.dumps(SMALL)), "freshness": {"table": "orders", "at": "at", "holidays": [holiday]}}
    with pytest.raises(ConfigurationError, match="STAGES_FILE, freshness: must be"):
        parse_stages(raw)
