"""What a stage usually completes: the median of like days at this hour, as far as they are recorded."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from callwatch.db import connection, execute
from callwatch.models.shapes.pipeline import UsualRate
from callwatch.reports.items.usual_rates import list_windows, load_usual_rates
from callwatch.settings import get_settings
from tests.support.api_shapes import check_shape

# A Wednesday, 40 minutes after the hour.
NOW = datetime(2026, 3, 25, 12, 40, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0, second=0)
STAGE = "transcriptions"


def keep(days_ago: int, per_minute: float, hours: tuple[int, ...] = (0, 1), samples: int = 60, figure: str = "completed") -> None:
    """Store the rate of this clock hour (0) and the one before (1) on an earlier day."""
    with connection() as conn:
        for back in hours:
            hour = HOUR - timedelta(days=days_ago, hours=back)
            execute(
                conn,
                "INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak) VALUES (%s, %s, %s, %s, %s, %s)",
                (STAGE, figure, hour, samples, per_minute * samples, per_minute),
            )
        conn.commit()


def load(now: datetime = NOW) -> UsualRate | None:
    with connection() as conn:
        found, unknown = load_usual_rates(conn, get_settings(), now)
    assert {name for name, usual in found.items() if usual is None} == set(unknown)
    assert {why.code for why in unknown.values()} <= {"not_recorded"}
    usual = found[STAGE]
    if usual is not None:
        check_shape(UsualRate, usual)
    return usual


def test_usual_is_the_median_of_like_days(database: str) -> None:
    # Saturday and Sunday are 4 and 3 days ago.
    for days, rate in ((1, 1.0), (2, 2.0), (3, 900.0), (4, 900.0), (5, 50.0), (6, 3.0), (7, 2.5)):
        keep(days, rate)
    assert load() == {"per_hour": 150, "days": 5, "basis": "days_alike"}


def test_a_weekend_is_compared_with_its_own_kind(database: str) -> None:
    for days in range(1, 29):
        keep(days, 10.0 if (NOW - timedelta(days=days)).weekday() == 5 else 99.0)
    saturday = NOW + timedelta(days=3)
    assert load(saturday) == {"per_hour": 600, "days": 4, "basis": "days_alike"}


def test_each_clock_hour_counts_by_its_share(database: str) -> None:
    for days in (1, 2, 5):
        keep(days, 4.0, (0,))
        keep(days, 8.0, (1,))
    # 12:30 is the last quarter: half of each hour.
    assert load() == {"per_hour": 360, "days": 3, "basis": "days_alike"}
    assert load(HOUR) == {"per_hour": 480, "days": 3, "basis": "days_alike"}


def test_less_than_three_days_fall_back_to_the_day_before(database: str) -> None:
    keep(1, 1.0)
    keep(2, 5.0)
    assert load() == {"per_hour": 60, "days": 1, "basis": "day_before"}


def test_without_yesterday_two_days_are_no_usual(database: str) -> None:
    assert load() is None
    keep(2, 5.0)
    keep(5, 5.0)
    assert load() is None
    keep(6, 0.0)
    assert load() == {"per_hour": 300, "days": 3, "basis": "days_alike"}


@pytest.mark.parametrize("part", ["one hour", "few readings", "another figure"])
def test_a_partly_known_day_is_left_out(database: str, part: str) -> None:
    keep(2, 5.0)
    keep(5, 5.0)
    if part == "one hour":
        keep(6, 5.0, (0,))
    else:
        keep(6, 5.0, samples=9 if part == "few readings" else 60, figure="pending" if part == "another figure" else "completed")
    assert load() is None


def test_ten_days_at_most_the_newest(database: str) -> None:
    workdays = [days for days in range(1, 29) if (NOW - timedelta(days=days)).weekday() < 5]
    for place, days in enumerate(workdays):
        keep(days, 1.0 if place < 10 else 99.0)
    assert load() == {"per_hour": 60, "days": 10, "basis": "days_alike"}


def test_a_clock_change_keeps_the_time_of_the_clock() -> None:
    # Berlin moves its clocks on 29 March 2026: 12:30 is 10:30 UTC afterwards, and 11:30 UTC before.
    windows = list_windows(datetime(2026, 3, 31, 10, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert len(windows) == 28
    assert [sorted(hour.hour for hour in shares) for _is_alike, shares in windows[:4]] == [[9, 10], [9, 10], [10, 11], [10, 11]]
    assert [is_alike for is_alike, _shares in windows[:4]] == [True, False, False, True]
    assert all(sum(shares.values()) == 1 for _is_alike, shares in windows)
