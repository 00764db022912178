"""Recurring windows: days, midnight, and both changes of the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluation.recurrence import Recurrence, load_recurrence, parse_recurrence

HOUR = timedelta(hours=1)


def build(days: str = "mon tue wed thu fri sat sun", start: str = "22:00", hours: float = 4, timezone: str = "UTC") -> Recurrence:
    return parse_recurrence({"days": days.split(), "start": start, "duration_s": hours * 3600, "timezone": timezone})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "is_inside"),
    [
        # 2 March 2026 is a Monday.
        ("2026-03-02T21:59:59", False),
        ("2026-03-02T22:00:00", True),
        ("2026-03-03T01:59:59", True),
        ("2026-03-03T02:00:00", False),
        ("2026-03-02T01:00:00", False),
        ("2026-03-03T23:00:00", False),
    ],
)
def test_a_window_crosses_midnight_into_a_day_that_is_not_listed(now: str, is_inside: bool) -> None:
    assert (build("mon").find_window(at(now)) is not None) is is_inside


def test_a_window_is_in_the_local_time_of_its_zone() -> None:
    nightly = build(timezone="America/New_York", hours=1)
    assert nightly.find_window(at("2026-01-15T03:30:00")) == (at("2026-01-15T03:00:00"), at("2026-01-15T04:00:00"))
    assert nightly.find_window(at("2026-07-15T02:30:00")) == (at("2026-07-15T02:00:00"), at("2026-07-15T03:00:00"))
    assert nightly.find_window(at("2026-07-15T03:30:00")) is None


def test_a_window_over_the_skipped_hour_lasts_as_long_as_any() -> None:
    """New York, 8 March 2026: 02:00 EST becomes 03:00 EDT."""
    window = build("sun", "01:30", 2, "America/New_York").find_window(at("2026-03-08T07:00:00"))
    assert window == (at("2026-03-08T06:30:00"), at("2026-03-08T08:30:00"))


def test_a_start_in_the_skipped_hour_begins_after_it() -> None:
    skipped = build("sun", "02:30", 1, "America/New_York")
    assert skipped.find_window(at("2026-03-08T07:29:59")) is None
    assert skipped.find_window(at("2026-03-08T07:30:00")) == (at("2026-03-08T07:30:00"), at("2026-03-08T08:30:00"))
    assert skipped.find_window(at("2026-03-15T06:30:00")) == (at("2026-03-15T06:30:00"), at("2026-03-15T07:30:00"))


def test_a_start_in_the_repeated_hour_begins_once_at_the_first() -> None:
    """New York, 1 November 2026: 02:00 EDT becomes 01:00 EST; 01:30 is at 05:30 and at 06:30 UTC."""
    repeated = build("sun", "01:30", 0.5, "America/New_York")
    assert repeated.find_window(at("2026-11-01T05:30:00")) is not None
    assert repeated.find_window(at("2026-11-01T06:30:00")) is None


def test_a_window_over_the_repeated_hour_lasts_as_long_as_any() -> None:
    window = build("sat", "23:00", 4, "America/New_York").find_window(at("2026-11-01T06:59:59"))
    assert window == (at("2026-11-01T03:00:00"), at("2026-11-01T07:00:00"))
    assert build("sat", "23:00", 4, "America/New_York").find_window(at("2026-11-01T07:00:00")) is None


def test_a_window_of_days_covers_all_of_them() -> None:
    weekend = build("fri", "18:00", 62, "Europe/Berlin")
    begun = at("2026-03-27T17:00:00")
    assert all(weekend.find_window(begun + number * HOUR) == (begun, begun + 62 * HOUR) for number in range(62))
    assert weekend.find_window(begun + 62 * HOUR) is None
    assert build("mon", "00:00", 168).find_window(at("2026-03-08T23:59:59")) is not None


def test_of_two_windows_at_once_the_later_end_counts() -> None:
    assert build(hours=30).find_window(at("2026-03-02T23:00:00")) == (at("2026-03-02T22:00:00"), at("2026-03-04T04:00:00"))


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati"])
def test_each_minute_of_a_week_agrees_with_the_wall_clock(timezone: str) -> None:
    """No clock changes in this week: inside means that the local time is within the window."""
    window = build("mon wed sun", "23:15", 2, timezone)
    local = window.find_next(at("2026-06-01T00:00:00"))
    for minute in range(0, 7 * 1440, 5):
        now = at("2026-06-02T00:00:00") + timedelta(minutes=minute)
        found = window.find_window(now)
        if found is not None:
            assert found[0] <= now < found[1]
            assert (found[0] - local) % timedelta(days=1) == timedelta()
            assert found[1] - found[0] == 2 * HOUR
    starts = set()
    now = at("2026-06-01T00:00:00")
    while now < at("2026-06-29T00:00:00"):
        now = window.find_next(now)
        starts.add(now)
    assert len(starts) in (12, 13)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"days": [], "start": "22:00", "duration_s": 3600, "timezone": "UTC"},
        {"days": ["someday"], "start": "22:00", "duration_s": 3600, "timezone": "UTC"},
        {"days": ["mon"], "start": "25:00", "duration_s": 3600, "timezone": "UTC"},
        {"days": ["mon"], "start": 5, "duration_s": 3600, "timezone": "UTC"},
        {"days": ["mon"], "start": "22:00", "duration_s": 0, "timezone": "UTC"},
        {"days": ["mon"], "start": "22:00", "duration_s": "1", "timezone": "UTC"},
        {"days": ["mon"], "start": "22:00", "duration_s": 3600, "timezone": "Mars/Phobos"},
        {"days": ["mon"], "start": "22:00", "duration_s": 3600, "timezone": "../etc/passwd"},
        {"days": ["mon"], "start": "22:00", "duration_s": 3600, "timezone": 5},
    ],
)
def test_a_damaged_recurrence_is_none(stored: Any) -> None:
    assert load_recurrence(stored) is None
