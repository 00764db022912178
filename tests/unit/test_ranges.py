"""Ranges of charts: whole steps that contain what was asked for, and none that are no longer stored."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import Invalid
from callwatch.reports.ranges import BEFORE, MAX_LENGTH, MAX_POINTS, RANGES, STEPS_S, take_free, take_named

NOW = datetime(2031, 3, 9, 12, 34, 56, tzinfo=UTC)
MINUTES = timedelta(days=2)
lengths_s = st.integers(1, int(MAX_LENGTH.total_seconds()))
ages_s = st.integers(0, 400 * 86_400)
befores = st.sampled_from(list(BEFORE.values()))
steps_s = st.sampled_from((0, *STEPS_S))


@given(ages_s, lengths_s, befores, steps_s)
def test_a_free_range_is_whole_steps_around_it(age_s: int, length_s: int, before: timedelta, least_s: int) -> None:
    until = NOW - timedelta(seconds=age_s)
    since = until - timedelta(seconds=length_s)
    found = take_free(NOW, since, until, before, least_s)
    step = timedelta(seconds=found.step_s)
    assert found.since <= since - before < found.since + step
    assert found.until - step < until - before <= found.until
    assert (found.until - found.since) % step == timedelta()
    assert found.since.timestamp() % found.step_s == 0
    assert 1 <= (found.until - found.since) // step <= MAX_POINTS + 1
    assert found.step_s >= least_s
    assert found.step_s >= 3600 or since - before >= NOW - MINUTES


@given(st.sampled_from(list(RANGES)), befores, steps_s, st.integers(0, 86_400))
def test_a_named_range_ends_with_the_step_of_now(name: str, before: timedelta, least_s: int, shift_s: int) -> None:
    now = NOW + timedelta(seconds=shift_s)
    found = take_named(now, name, before, least_s)  # type: ignore[arg-type]
    step = timedelta(seconds=found.step_s)
    assert found.until - step <= now - before < found.until
    assert (found.until - found.since) % step == timedelta()
    assert found.step_s >= 3600 or found.since >= now - MINUTES
    if not least_s and before < timedelta(days=7):
        assert found.step_s == RANGES[name][1]  # type: ignore[index]
        assert (found.until - found.since).total_seconds() == RANGES[name][0]  # type: ignore[index]


def test_an_end_after_now_is_now() -> None:
    hour = timedelta(hours=1)
    assert take_free(NOW, NOW - hour, NOW + hour) == take_free(NOW, NOW - hour, NOW)


@pytest.mark.parametrize(("since_days", "until_days"), [(1, 1), (1, 2), (-1, -2), (91, 0)])
def test_an_impossible_range_names_the_remedy(since_days: int, until_days: int) -> None:
    with pytest.raises(Invalid, match="must be"):
        take_free(NOW, NOW - timedelta(days=since_days), NOW - timedelta(days=until_days))
