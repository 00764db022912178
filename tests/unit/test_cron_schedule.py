"""When jobs are due: crontabs and intervals over the changes of the clocks, and schedules that cannot be used."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.crons.schedule import InvalidSchedule, Schedule, find_next, parse_schedule


def list_ticks(schedule: Schedule, start: str, count: int) -> list[str]:
    at, found = datetime.fromisoformat(start).replace(tzinfo=UTC), []
    for _index in range(count):
        following = find_next(schedule, at)
        assert following is not None
        assert following > at
        at = following
        found.append(f"{at:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("zone", "crontab", "start", "ticks"),
    [
        # Spring: 02:30 does not exist and is due once, right after the change.
        ("America/New_York", "30 2 * * *", "2026-03-07T08:00", ["03-08 07:00", "03-09 06:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T02:00", ["03-29 01:00", "03-30 00:30"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T16:00", ["10-03 15:30", "10-04 15:15"]),
        # Autumn: 01:30 occurs twice and is due once.
        ("America/New_York", "30 1 * * *", "2026-10-31T06:00", ["11-01 05:30", "11-02 06:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T01:00", ["10-25 00:30", "10-26 01:30"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-03T15:00", ["04-04 14:45", "04-05 15:15"]),
        # A job of every half hour is due in real time, through both changes.
        ("America/New_York", "*/30 * * * *", "2026-03-08T06:10", ["03-08 06:30", "03-08 07:00", "03-08 07:30"]),
        ("America/New_York", "*/30 * * * *", "2026-11-01T05:10", ["11-01 05:30", "11-01 06:00", "11-01 06:30", "11-01 07:00"]),
        ("Europe/Berlin", "0 * * * *", "2026-10-24T23:30", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ("UTC", "30 2 * * *", "2026-03-29T00:00", ["03-29 02:30", "03-30 02:30"]),
    ],
)
def test_crontab_follows_the_clock_of_its_zone(zone: str, crontab: str, start: str, ticks: list[str]) -> None:
    assert list_ticks(parse_schedule("crontab", crontab, None, zone), start, len(ticks)) == ticks


@pytest.mark.parametrize(
    ("zone", "start", "ticks"),
    [
        ("America/New_York", "2026-03-07T14:00", ["03-08 13:00", "03-09 13:00"]),
        ("Europe/Berlin", "2026-10-24T07:00", ["10-25 08:00", "10-26 08:00"]),
        ("Australia/Lord_Howe", "2026-04-04T00:00", ["04-05 00:30", "04-06 00:30"]),
    ],
)
def test_interval_of_a_day_keeps_the_time_of_its_zone(zone: str, start: str, ticks: list[str]) -> None:
    assert list_ticks(parse_schedule("interval", 1, "day", zone), start, 2) == ticks


@pytest.mark.parametrize(
    ("value", "unit", "text", "ticks"),
    [
        (10, "minute", "every 10 minutes", ["01-31 10:10", "01-31 10:20"]),
        (1, "hour", "every hour", ["01-31 11:00", "01-31 12:00"]),
        (1.0, "month", "every month", ["02-28 10:00", "03-28 10:00"]),
        (2, "week", "every 2 weeks", ["02-14 10:00", "02-28 10:00"]),
        (1, "year", "every year", ["01-31 10:00", "01-31 10:00"]),
    ],
)
def test_interval_is_due_after_its_length(value: Any, unit: str, text: str, ticks: list[str]) -> None:
    schedule = parse_schedule("interval", value, unit, None)
    assert schedule.text == text
    assert list_ticks(schedule, "2026-01-31T10:00", 2) == ticks


def test_names_of_cron_itself_are_schedules() -> None:
    assert list_ticks(parse_schedule("crontab", "@hourly", None, None), "2026-01-31T10:20", 2) == ["01-31 11:00", "01-31 12:00"]


@pytest.mark.parametrize(
    ("kind", "value", "unit", "zone", "field"),
    [
        ("crontab", "H H * * *", None, None, "schedule.value"),
        ("crontab", "* * * *", None, None, "schedule.value"),
        ("crontab", "0 * * * * *", None, None, "schedule.value"),
        ("crontab", "61 * * * *", None, None, "schedule.value"),
        ("crontab", "0 0 30 2 *", None, None, "schedule.value"),
        ("crontab", "0 0 * * 5L/2", None, None, "schedule.value"),
        ("crontab", "9" * 150 + " * * * *", None, None, "schedule.value"),
        ("crontab", "*," * 300, None, None, "schedule.value"),
        ("crontab", "\u0662 * * * *", None, None, "schedule.value"),
        ("crontab", None, None, None, "schedule.value"),
        ("crontab", ["* * * * *"], None, None, "schedule.value"),
        ("crontab", "* * * * *", None, "Mars/Olympus", "timezone"),
        ("crontab", "* * * * *", None, "../../etc/passwd", "timezone"),
        ("crontab", "* * * * *", None, "America", "timezone"),
        ("crontab", "* * * * *", None, 7, "timezone"),
        ("interval", 0, "minute", None, "schedule.value"),
        ("interval", True, "minute", None, "schedule.value"),
        ("interval", float("inf"), "minute", None, "schedule.value"),
        ("interval", 10**400, "year", None, "schedule.value"),
        ("interval", 5, "fortnight", None, "schedule.unit"),
        ("interval", 5, ["minute"], None, "schedule.unit"),
        ("sundial", 5, "minute", None, "schedule.type"),
        ({}, 5, "minute", None, "schedule.type"),
    ],
)
def test_unusable_schedule_names_its_field(kind: Any, value: Any, unit: Any, zone: Any, field: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        parse_schedule(kind, value, unit, zone)
    assert caught.value.field == field
    assert len(str(caught.value)) < 400


def test_rare_schedule_is_found_in_little_time() -> None:
    schedule = parse_schedule("crontab", "0 0 29 2 1#5", None, "Europe/Berlin")
    began = time.process_time()
    assert list_ticks(schedule, "2026-01-31T10:00", 1) == ["02-28 23:00"]
    assert time.process_time() - began < 1


def test_no_schedule_is_due_before_the_time_that_is_asked() -> None:
    for zone in ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"):
        for crontab in ("*/7 * * * *", "30 1,2 * * *", "5 */2 * * *", "0 2 * * 0"):
            schedule = parse_schedule("crontab", crontab, None, zone)
            for day in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"):
                at = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC) - timedelta(hours=12)
                for _step in range(30):
                    following = find_next(schedule, at)
                    assert following is not None
                    assert following > at
                    at += timedelta(minutes=53)
