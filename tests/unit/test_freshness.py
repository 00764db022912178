"""What earlier days let expect, and what is said of crons by their heartbeats."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.pipeline.crons import NEVER, NONE_EVER, cron_facts, crons_of
from callwatch.pipeline.freshness import earlier_windows, expected, median_of
from callwatch.pipeline.measure import Measured

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = datetime(2031, 3, 12, 14, 0, tzinfo=UTC)
LONG_AGO = WEDNESDAY - timedelta(days=90)


def windows(start: datetime, end: datetime, zone: ZoneInfo = UTC_ZONE, first_at: datetime = LONG_AGO) -> list[datetime]:
    return [since for since, _until in earlier_windows(start, end, zone, first_at, end)]


def test_a_working_day_is_compared_with_working_days() -> None:
    found = windows(WEDNESDAY, WEDNESDAY + timedelta(hours=1))
    assert len(found) == 10
    assert {since.weekday() for since in found} == {0, 1, 2, 3, 4}
    assert found[0] == WEDNESDAY - timedelta(days=1)


def test_a_saturday_is_compared_with_saturdays_alone() -> None:
    saturday = WEDNESDAY + timedelta(days=3)
    assert windows(saturday, saturday + timedelta(hours=1)) == [saturday - timedelta(days=7 * n) for n in range(1, 5)]


def test_the_night_to_monday_is_not_compared_with_other_nights() -> None:
    monday = datetime(2031, 3, 10, 0, 30, tzinfo=UTC)
    assert {since.weekday() for since in windows(monday - timedelta(hours=2), monday)} == {6}


def test_nine_o_clock_stays_nine_o_clock_when_the_clocks_change() -> None:
    after = datetime(2031, 3, 10, 9, 0, tzinfo=NEW_YORK)
    found = windows(after, after + timedelta(hours=1), NEW_YORK)
    assert {since.astimezone(NEW_YORK).hour for since in found} == {9}
    assert {since.hour for since in found} == {14}, "the days before the change are an hour later in UTC"


def test_days_before_the_first_item_and_after_the_last_are_no_history() -> None:
    first_at, last_at = WEDNESDAY - timedelta(days=6), WEDNESDAY - timedelta(days=2)
    found = earlier_windows(WEDNESDAY, WEDNESDAY + timedelta(hours=1), ZoneInfo("UTC"), first_at, last_at)
    assert [since for since, _until in found] == [WEDNESDAY - timedelta(days=days) for days in (2, 5, 6)]


def test_without_earlier_days_nothing_is_expected() -> None:
    assert expected([]) is None


@pytest.mark.parametrize(
    ("earlier", "now", "is_missed"),
    [
        ([42, 40, 45, 39, 41], 0, True),
        ([42, 40, 45, 39, 41], 12, True),
        ([42, 40, 45, 39, 41], 30, False),
        ([42, 40, 45, 39, 41], 90, False),
        ([42, 40, 0, 39, 41], 0, True),
        ([10, 80, 0, 45, 30], 2, False),
        ([45, 50, 28, 36, 33], 0, True),
        ([45, 50, 28, 36, 33], 12, False),
        ([4, 5, 3, 6, 4], 0, False),
        ([0, 0, 0, 0, 0], 0, False),
        ([42], 0, True),
        ([15], 0, False),
    ],
)
def test_a_window_is_missed_only_where_it_falls_far_below_what_is_ordinary(earlier: list[int], now: int, is_missed: bool) -> None:
    found = expected(earlier)
    assert found is not None
    assert (now < found.lowest) is is_missed


@given(st.lists(st.integers(0, 500), min_size=1, max_size=10))
def test_the_median_day_itself_is_always_ordinary(earlier: list[int]) -> None:
    found = expected(earlier)
    assert found is not None
    assert found.median == median_of(earlier)
    assert found.lowest <= found.median


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("skipped", "skipped"),
        ("Skipped: unauthorized", "refused"),
        ("401", "refused"),
        ("status 401 from cron gate", "refused"),
        ("HTTP 403", "refused"),
        ("Forbidden", "refused"),
        ("skipped 3, processed 12", ""),
        ("skipped: 0", ""),
        ("processed 401 rows", ""),
        ("ok", ""),
        (None, ""),
    ],
)
def test_a_heartbeat_is_heard_for_refusals_and_skips_but_not_for_counts(message: str | None, said: str) -> None:
    measured = Measured(WEDNESDAY)
    measured.rows["heartbeats"] = [{"name": "x", "last_ok": WEDNESDAY.timestamp() - 90, "message": message}]
    (cron,) = crons_of({"crons": [{"name": "x", "period_s": 60}]}, measured)
    assert (cron.said, cron.is_late, cron.age_s) == (said, False, 90)


def test_a_cron_that_never_beat_is_unknown_and_one_that_need_not_have_yet_is_not_told_of() -> None:
    given = {"crons": [{"name": "quick", "period_s": 60}, {"name": "daily", "period_s": 86_400}, {"name": "x", "period_s": 60}]}
    measured = Measured(WEDNESDAY, values={"freshness.first_at": WEDNESDAY.timestamp() - 7200})
    measured.rows["heartbeats"] = [{"name": "x", "last_ok": WEDNESDAY.timestamp() - 30, "message": None}]
    facts = {(fact.metric, fact.labels.get("cron")): (fact.value, fact.reason) for fact in cron_facts(given, measured, {})}
    assert facts["cron.late", "quick"] == facts["cron.idle", "quick"] == (None, NEVER)
    assert facts["cron.late", "x"] == (0.5, None)
    assert ("cron.late", "daily") not in facts
    measured.rows["heartbeats"] = []
    assert {(fact.value, fact.reason) for fact in cron_facts(given, measured, {})} == {(None, NONE_EVER)}
