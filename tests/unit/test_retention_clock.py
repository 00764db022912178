"""The clock of retention: whatever the system clock does for a while, it never runs ahead of the true time."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.db.queries.retention_clock import CONFIRM_FOR, MARGIN, MAX_STEP, advance_clock, begin_clock

START = datetime(2026, 11, 29, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def steady(clock_at: datetime, days: float, step: timedelta = timedelta(minutes=30)) -> list[datetime]:
    count = int(days * DAY / step)
    return [clock_at + step * number for number in range(1, count + 1)]


def test_a_steady_clock_is_followed_exactly() -> None:
    clock = begin_clock(START)
    for reading in steady(START, 10):
        clock = advance_clock(clock, reading)
        assert clock.trusted_at == reading


def test_a_jump_for_one_cycle_changes_nothing() -> None:
    clock = advance_clock(begin_clock(START), START + timedelta(minutes=1))
    before = clock.trusted_at
    clock = advance_clock(clock, START + timedelta(days=200))
    assert (clock.trusted_at, clock.lag.days) == (before, 199)
    clock = advance_clock(clock, START + timedelta(minutes=3))
    assert clock.trusted_at <= START + timedelta(minutes=3)


def test_a_clock_that_stays_ahead_costs_a_day_a_day() -> None:
    clock, ahead = begin_clock(START), timedelta(days=200)
    for reading in steady(START, 30):
        clock = advance_clock(clock, reading + ahead)
        lost = clock.trusted_at - reading
        assert lost <= max(timedelta(), reading - START - CONFIRM_FOR + HOUR)


def test_a_monitor_that_was_off_catches_up() -> None:
    clock = advance_clock(begin_clock(START), START + timedelta(days=3))
    assert clock.lag == timedelta(days=3)
    for reading in steady(START + timedelta(days=3), 4 + CONFIRM_FOR / DAY):
        clock = advance_clock(clock, reading)
    assert clock.lag == timedelta()


def test_a_persons_word_is_followed_at_once() -> None:
    until = START + timedelta(days=30)
    clock = advance_clock(begin_clock(START), START + timedelta(days=20), until)
    assert clock.lag == timedelta()
    assert advance_clock(clock, START + timedelta(days=200), until).trusted_at == clock.trusted_at


def test_a_clock_that_goes_back_takes_its_time_along() -> None:
    clock = begin_clock(START)
    assert advance_clock(clock, START - timedelta(days=400)).trusted_at == START - timedelta(days=400)


LIE = st.tuples(
    st.integers(0, 24 * 400),
    st.integers(1, int(CONFIRM_FOR / HOUR) - 1),
    st.floats(0, 1).map(lambda share: timedelta(seconds=34_560_000**share)),
    st.booleans(),
)


@settings(max_examples=25)
@given(lies=st.lists(LIE, max_size=60), minutes=st.integers(30, 74), seed=st.integers(0, 2**32))
def test_jumps_over_400_days_delete_nothing_too_early(
    lies: list[tuple[int, int, timedelta, bool]], minutes: int, seed: int
) -> None:
    chooser, true, end = random.Random(seed), START, START + timedelta(days=400)
    clock = begin_clock(true)
    offsets: dict[int, timedelta] = {}
    for hour, hours, size, is_back in lies:
        # One wrong period after another: two that overlap would be one longer period.
        if not any(other in offsets for other in range(hour - 2, hour + hours + 2)):
            offsets |= dict.fromkeys(range(hour, hour + hours), -size if is_back else size)
    while true < end:
        # Cycles of about an hour, and sometimes a monitor that is off.
        true += timedelta(minutes=minutes) if chooser.random() > 0.002 else timedelta(hours=chooser.randrange(72))
        reading = true + offsets.get(int((true - START) / HOUR), timedelta())
        clock = advance_clock(clock, reading)
        assert clock.delete_at <= true


@pytest.mark.parametrize("seed", range(3))
def test_a_clock_that_jumps_at_random_is_never_ahead(seed: int) -> None:
    chooser, true = random.Random(seed), START
    clock = begin_clock(true)
    for _ in range(24 * 400):
        true += HOUR
        jump = timedelta(seconds=chooser.choice((-1, 1)) * 34_560_000 ** chooser.random())
        clock = advance_clock(clock, true + jump if chooser.random() < 0.5 else true)
        assert clock.delete_at <= true
    # A jump back by 400 days moves the trusted time, too; it catches up by a day per day.
    for reading in steady(true, 900, HOUR):
        clock = advance_clock(clock, reading)
    assert clock.lag < HOUR


def test_the_margin_is_wider_than_the_longest_step() -> None:
    assert MARGIN > MAX_STEP
