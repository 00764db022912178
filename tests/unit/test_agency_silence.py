"""Silent agencies: found as soon as chance no longer explains it, and hardly ever by chance; and holidays."""

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest

from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.calendar import compute_easter, find_holiday, read_holiday
from callwatch.pipeline.stage_file import parse_stages
from callwatch.pipeline.tenants.silence import MIN_EXPECTED, STEP_MIN, STEPS, count_by_tenant, expect_last_hour, find_silent
from tests.unit.test_stage_file import SMALL

DAYS, QUARTERS = 90, 36


def make_days(rate: float, seed: int, days: int = DAYS) -> list[list[int]]:
    """Return random counts by quarter of nine working hours, for each day, at so many calls an hour."""
    draw = random.Random(seed)
    found = []
    for _ in range(days):
        counts, at = [0] * QUARTERS, 0.0
        while (at := at + draw.expovariate(rate / 4)) < QUARTERS:
            counts[int(at)] += 1
        found.append(counts)
    return found


def look(days: list[list[int]], day: int, quarter: int) -> list[list[int]]:
    """Return the counts as they are read: the last hours of a day and of the ten days before, the newest quarter first."""
    return [
        [days[day - back][quarter - step] if quarter >= step else 0 for step in range(STEPS)] for back in range(min(day, 10) + 1)
    ]


def test_ninety_days_of_random_calls_raise_almost_no_alarm() -> None:
    rates = (2, 5, 10, 20, 40)
    agencies = {f"a{rate}": make_days(rate, rate) for rate in rates}
    alarms = 0
    for day in range(DAYS):
        was: set[str] = set()
        for quarter in range(QUARTERS):
            silent = {found.tenant for found in find_silent({name: look(days, day, quarter) for name, days in agencies.items()})}
            alarms += len(silent - was)
            was = silent
    # By the chosen rate, about one in the 90 days of five agencies.
    assert alarms <= 2


@pytest.mark.parametrize(("rate", "within_min"), [(10, 90), (24, 45), (48, 30), (100, 15)])
def test_silence_is_found_as_soon_as_statistics_allow(rate: float, within_min: int) -> None:
    days, other = make_days(rate, 7, 20), make_days(30, 8, 20)
    took = []
    for day in range(11, 20):
        stopped = [list(counts) for counts in days]
        stopped[day][12:] = [0] * (QUARTERS - 12)
        seen = (
            quarter
            for quarter in range(12, QUARTERS)
            if any(s.tenant == "a" for s in find_silent({"a": look(stopped, day, quarter), "b": look(other, day, quarter)}))
        )
        took.append((next(seen) - 11) * STEP_MIN)
    assert sorted(took)[len(took) // 2] <= within_min
    assert min(took) >= 60 * MIN_EXPECTED / rate / 2


def test_agency_is_not_silent_while_all_are() -> None:
    days = make_days(40, 1, 12)
    days[11][12:] = [0] * (QUARTERS - 12)
    assert find_silent({"a": look(days, 11, 30), "b": look(days, 11, 30)}) == []


def test_agency_that_is_often_quiet_is_not_silent() -> None:
    days, other = make_days(40, 1, 12), make_days(40, 2, 12)
    days[11][12:] = days[5][12:] = [0] * (QUARTERS - 12)
    assert find_silent({"a": look(days, 11, 30), "b": look(other, 11, 30)}) == []


def test_few_days_say_nothing() -> None:
    days, other = make_days(40, 1, 3), make_days(40, 2, 3)
    days[2] = [0] * QUARTERS
    seen = {"a": look(days, 2, 30), "b": look(other, 2, 30)}
    assert find_silent(seen) == []
    assert expect_last_hour(seen["a"]) is None


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
