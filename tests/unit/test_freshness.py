"""Freshness: the expectation from earlier days, and the state of crons by their heartbeats."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.models.reason import Reason
from callwatch.pipeline.comparable import find_active_days, list_earlier_windows, list_local_days, split_at_clock_changes
from callwatch.pipeline.crons import NEVER, NONE_EVER, list_cron_samples, list_crons
from callwatch.pipeline.expectation import SPREADS, SPREADS_OF_SILENCE, choose_telling, compute_median, expect
from callwatch.pipeline.queries.described import Heartbeats
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = datetime(2031, 3, 12, 14, 0, tzinfo=UTC)
EVERY_DAY = frozenset(day for day, _start, _end in list_local_days(WEDNESDAY + timedelta(days=14), UTC_ZONE)) | frozenset(
    day for day, _start, _end in list_local_days(WEDNESDAY - timedelta(days=14), UTC_ZONE)
)


def windows(start: datetime, end: datetime, zone: ZoneInfo = UTC_ZONE) -> list[list[tuple[datetime, datetime]]]:
    return [list(window) for window in list_earlier_windows(start, end, zone, EVERY_DAY, end)]


def starts(start: datetime, end: datetime, zone: ZoneInfo = UTC_ZONE) -> list[datetime]:
    return [window[0][0] for window in windows(start, end, zone)]


def measure_length(window: Sequence[tuple[datetime, datetime]]) -> timedelta:
    return sum((until - since for since, until in window), timedelta())


def test_a_working_day_is_compared_with_working_days() -> None:
    found = starts(WEDNESDAY, WEDNESDAY + timedelta(hours=1))
    assert len(found) == 10
    assert {since.weekday() for since in found} == {0, 1, 2, 3, 4}
    assert found[0] == WEDNESDAY - timedelta(days=1)


def test_a_saturday_is_compared_with_saturdays_alone() -> None:
    saturday = WEDNESDAY + timedelta(days=3)
    assert starts(saturday, saturday + timedelta(hours=1)) == [saturday - timedelta(days=7 * n) for n in range(1, 5)]


def test_a_night_to_monday_differs_from_other_nights() -> None:
    monday = datetime(2031, 3, 10, 0, 30, tzinfo=UTC)
    assert {since.weekday() for since in starts(monday - timedelta(hours=2), monday)} == {6}


def test_nine_stays_nine_when_the_clocks_change() -> None:
    after = datetime(2031, 3, 10, 9, 0, tzinfo=NEW_YORK).astimezone(UTC)
    found = starts(after, after + timedelta(hours=1), NEW_YORK)
    assert {since.astimezone(NEW_YORK).hour for since in found} == {9}
    assert {since.hour for since in found} == {14}, "the days before the change are an hour later in UTC"


@pytest.mark.parametrize("change", ["2031-03-09T07:00:00+00:00", "2031-11-02T06:00:00+00:00"])
@pytest.mark.parametrize("zone", [NEW_YORK, UTC_ZONE])
def test_a_window_over_a_clock_change_keeps_its_length(change: str, zone: ZoneInfo) -> None:
    for minutes in range(0, 180, 7):
        end = datetime.fromisoformat(change) + timedelta(minutes=minutes)
        start = end - timedelta(hours=1)
        active = {day for day, _start, _end in list_local_days(end, zone)}
        found = list_earlier_windows(start, end, zone, active, end)
        assert found, f"{minutes} minutes after the change nothing is compared"
        assert {measure_length(window) for window in found} == {timedelta(hours=1)}


def test_the_missing_hour_of_spring_is_not_expected() -> None:
    end = datetime(2031, 3, 9, 3, 30, tzinfo=NEW_YORK).astimezone(UTC)
    pieces = split_at_clock_changes(end - timedelta(hours=1), end, NEW_YORK)
    assert [until - since for since, until in pieces] == [timedelta(minutes=30)] * 2
    found = list_earlier_windows(end - timedelta(hours=1), end, NEW_YORK, {date(2031, 3, 2)}, end)
    clock = [[moment.astimezone(NEW_YORK).strftime("%H:%M") for moment in piece] for piece in found[0]]
    assert clock == [["01:30", "02:00"], ["03:00", "03:30"]]


def test_days_after_the_last_item_are_no_history() -> None:
    last_at = WEDNESDAY - timedelta(days=2)
    found = list_earlier_windows(WEDNESDAY, WEDNESDAY + timedelta(hours=1), UTC_ZONE, EVERY_DAY, last_at)
    assert found[0][0][0] == WEDNESDAY - timedelta(days=2)


def test_days_without_work_are_no_history() -> None:
    days = [WEDNESDAY.date() - timedelta(days=back) for back in range(1, 29)]
    counts = [100, 90, 100, 0, 0, 100, 1, *[0] * 20, 1]
    active = find_active_days(days, counts)
    assert active == {days[0], days[1], days[2], days[5]}
    found = list_earlier_windows(WEDNESDAY, WEDNESDAY + timedelta(hours=1), UTC_ZONE, active, WEDNESDAY)
    assert [window[0][0].date() for window in found] == [days[0], days[1], days[5]]


@pytest.mark.parametrize(
    ("counts", "active"),
    [([3, 2, 0, 4], 3), ([100, 3, 4, 2], 4), ([100, 1, 1], 1), ([100, 100, 3, 4], 2), ([1], 1), ([0], 0), ([100, 40, 40], 3)],
)
def test_a_small_product_works_on_days_with_few_items(counts: list[int], active: int) -> None:
    days = [WEDNESDAY.date() - timedelta(days=back) for back in range(1, len(counts) + 1)]
    assert len(find_active_days(days, counts)) == active


def test_without_earlier_days_nothing_is_expected() -> None:
    assert expect([]) is None


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
def test_a_window_is_short_only_far_below_the_ordinary(earlier: list[int], now: int, is_missed: bool) -> None:
    found = expect(earlier)
    assert found is not None
    assert (now < found.lowest) is is_missed


@given(st.lists(st.integers(0, 500), min_size=1, max_size=10))
def test_the_median_day_itself_is_always_ordinary(earlier: list[int]) -> None:
    found = expect(earlier)
    assert found is not None
    assert found.median == compute_median(choose_telling(earlier))
    assert found.lowest <= found.median


@given(
    st.integers(40, 5_000).flatmap(lambda mean: st.lists(st.integers(mean - int(3 * mean**0.5), mean), min_size=4, max_size=10)),
    st.data(),
)
def test_earlier_stops_do_not_hide_the_next_one(busy: list[int], data: st.DataObject) -> None:
    # A stop is a window with at most a tenth of the median, which is at least 21 here.
    stops = data.draw(st.lists(st.integers(0, 2), max_size=len(busy) // 2))
    earlier = data.draw(st.permutations([*busy, *stops]))
    # One day of this weekday with a stop is no habit.
    of_weekday = [count in stops for count in earlier] if len(stops) == 1 else []
    for spreads in (SPREADS_OF_SILENCE, SPREADS):
        found = expect(earlier, spreads, of_weekday)
        assert found is not None
        assert found.lowest == expect(busy, spreads).lowest > 0  # type: ignore[union-attr]


@given(st.lists(st.integers(40, 5_000), min_size=6, max_size=8))
def test_an_afternoon_off_on_one_weekday_is_no_stop(busy: list[int]) -> None:
    counts, is_same = [0, *busy, 0], [True, *([False] * len(busy)), True]
    found = expect(counts, is_same_weekday=is_same)
    assert found is not None
    assert found.lowest <= 0


@given(st.lists(st.sampled_from([0, 200]), min_size=3, max_size=10))
def test_windows_that_are_often_empty_are_no_stops(earlier: list[int]) -> None:
    if earlier.count(0) * 3 > len(earlier):
        assert choose_telling(earlier) == earlier


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
def test_a_heartbeat_says_refused_or_skipped_by_words(message: str | None, said: str) -> None:
    measured = Measured(WEDNESDAY)
    measured.rows["heartbeats"] = [{"name": "x", "last_ok": WEDNESDAY.timestamp() - 90, "message": message}]
    (cron,) = list_crons({**CRONS, "crons": [{"name": "x", "period_s": 60}]}, measured)
    assert (cron.said, cron.is_late, cron.age_s) == (said, False, 90)


CRONS: Heartbeats = {
    "table": "cron_heartbeats",
    "name": "name",
    "last_ok": "last_ok",
    "message": "message",
    "crons": [{"name": "quick", "period_s": 60}, {"name": "daily", "period_s": 86_400}, {"name": "x", "period_s": 60}],
}


def heard(*rows: tuple[str, float | None]) -> dict[tuple[str, str | None], tuple[float | None, Reason | None]]:
    measured = Measured(WEDNESDAY, values={"freshness.first_at": WEDNESDAY.timestamp() - 7200})
    measured.rows["heartbeats"] = [{"name": name, "last_ok": last_ok, "message": None} for name, last_ok in rows]
    return {
        (sample.metric, sample.labels.get("cron")): (sample.value, sample.reason)
        for sample in list_cron_samples(CRONS, measured, {})
    }


def test_a_cron_whose_row_is_gone_is_missing() -> None:
    samples = heard(("x", WEDNESDAY.timestamp() - 30))
    assert samples["cron.late", "quick"] == samples["cron.idle", "quick"] == (None, NEVER)
    assert samples["cron.late", "x"] == (0.5, None)
    assert samples["cron.late", "daily"] == (None, None), "a new product has not come to its daily crons"
    assert samples["cron.missing", None] == (1.0, None)


def test_crons_that_cannot_be_read_never_count_as_on_time() -> None:
    late, odd = WEDNESDAY.timestamp() - 7 * 86_400, float("inf")
    assert heard(("x", late), ("quick", late), ("daily", late))["cron.failing", None] == (3.0, None)
    value, why = heard(("x", late), ("quick", late), ("daily", odd))["cron.failing", None]
    assert value is None
    assert why is not None
    assert (why.code, "daily" in why.message) == ("unavailable", True)
    assert heard(("x", odd), ("quick", odd), ("daily", odd))["cron.failing", None][0] is None
    one_odd = heard(("x", WEDNESDAY.timestamp() - 30), ("quick", odd), ("daily", WEDNESDAY.timestamp() - 30))
    assert one_odd["cron.failing", None] == (0.0, None), "too few for the rule, whatever the odd one is"


UNREAD = Reason("unavailable", "the column cannot be read")
NOTHING_DUE = Reason("none", "nothing is due")


@pytest.mark.parametrize("message", ["ok", "skipped", "401"])
@pytest.mark.parametrize("due_since", [UNREAD, NOTHING_DUE, WEDNESDAY.timestamp() - 600])
@pytest.mark.parametrize("stopped", [True, False, None])
def test_a_cron_whose_work_is_unread_is_not_at_work(message: str, due_since: Reason | float, stopped: bool | None) -> None:
    measured = Measured(WEDNESDAY, unknown={"calls.due": UNREAD})
    if isinstance(due_since, Reason):
        measured.unknown["calls.due_since"] = due_since
    else:
        measured.values["calls.due_since"] = due_since
    measured.rows["heartbeats"] = [{"name": name, "last_ok": WEDNESDAY.timestamp() - 30, "message": message} for name in "abc"]
    given: Heartbeats = {**CRONS, "crons": [{"name": name, "period_s": 60, "stage": "calls"} for name in "abc"]}
    samples = {sample.metric: sample for sample in list_cron_samples(given, measured, {"calls": stopped})}
    is_idle = message == "401" or stopped or (message == "skipped" and isinstance(due_since, float))
    is_unread = not is_idle and (stopped is None or (message == "skipped" and due_since == UNREAD))
    idle, failing = samples["cron.idle"], samples["cron.failing"]
    assert (idle.value, idle.reason) == ((None, UNREAD) if is_unread else (float(is_idle or False), None))
    assert (failing.value, failing.reason) == ((None, UNREAD) if is_unread else (3.0 if is_idle else 0.0, None))


@pytest.mark.parametrize(("completed", "is_known"), [(0.0, False), (3.0, True)])
def test_a_substitute_does_not_prove_that_nothing_is_due(completed: float, is_known: bool) -> None:
    measured = Measured(WEDNESDAY, values={"recordings.due": 0.0, "recordings.completed_10m": completed})
    measured.substituted["recordings.due"] = UNREAD
    samples = list_product_samples(get_stages(None), measured)
    (stopped,) = (each for each in samples if each.metric == "pipeline.stopped" and each.labels["stage"] == "recordings")
    assert (stopped.value, stopped.reason) == ((0.0, None) if is_known else (None, UNREAD))


def test_missing_crons_are_unknown_without_the_products_age() -> None:
    why = Reason("timeout", "the table calls is locked")
    measured = Measured(WEDNESDAY, unknown={"freshness.first_at": why})
    measured.rows["heartbeats"] = [{"name": "x", "last_ok": WEDNESDAY.timestamp() - 30, "message": None}]
    samples = {sample.metric: sample for sample in list_cron_samples(CRONS, measured, {}) if not sample.labels}
    assert (samples["cron.missing"].value, samples["cron.missing"].reason) == (None, why)


def test_a_product_without_any_heartbeat_misses_its_crons() -> None:
    samples = heard()
    assert samples["cron.late", None] == samples["cron.failing", None] == (None, NONE_EVER)
    assert samples["cron.missing", None] == (2.0, None)


@pytest.mark.parametrize("seconds", [float("inf"), float("-inf"), -6.2e10, 1.9e12, 0.0, WEDNESDAY.timestamp() + 301])
def test_a_heartbeat_that_cannot_be_true_is_unknown(seconds: float) -> None:
    samples = heard(("quick", seconds), ("x", WEDNESDAY.timestamp() - 30))
    value, reason = samples["cron.late", "quick"]
    assert value is None
    assert reason is not None
    assert (reason.code, "cron_heartbeats.last_ok of quick" in reason.message) == ("unavailable", True)
    assert samples["cron.late", "x"] == (0.5, None)
    assert samples["cron.missing", None] == (0.0, None)


def test_of_two_heartbeats_the_newest_readable_counts() -> None:
    now = WEDNESDAY.timestamp()
    assert heard(("x", float("inf")), ("x", now - 30), ("x", now - 90))["cron.late", "x"] == (0.5, None)
