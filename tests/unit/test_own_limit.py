"""The limit on Callwatch's own errors: the excess is counted and reported, never silent."""

import logging
import random

import pytest

from callwatch.client.own_limit import MAX_FINGERPRINTS, MAX_PER_FINGERPRINT, MAX_PER_PROCESS, WINDOW_S, OwnErrorLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_fingerprint_is_admitted_a_few_times(clock: Clock) -> None:
    limit = OwnErrorLimit(clock)
    assert [limit.admit("a", "A") for _ in range(100)].count(True) == MAX_PER_FINGERPRINT
    assert limit.admit("b", "B")


def test_many_fingerprints_together_are_bounded(clock: Clock) -> None:
    limit = OwnErrorLimit(clock)
    assert [limit.admit(str(n), "A") for n in range(1_000)].count(True) == MAX_PER_PROCESS


def test_the_next_window_admits_again(clock: Clock) -> None:
    limit = OwnErrorLimit(clock)
    for _ in range(100):
        limit.admit("a", "A")
    clock.now = WINDOW_S
    assert limit.admit("a", "A")


def test_what_was_suppressed_is_reported_once(clock: Clock) -> None:
    limit = OwnErrorLimit(clock)
    for _ in range(100):
        limit.admit("a", "A")
    assert limit.take_suppressed() == []
    clock.now = WINDOW_S
    (found,) = limit.take_suppressed()
    assert (found.title, found.count) == ("A", 100 - MAX_PER_FINGERPRINT)
    assert limit.take_suppressed() == []


def test_suppression_is_logged_at_powers_of_two(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    limit = OwnErrorLimit(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(MAX_PER_FINGERPRINT + 9):
            limit.admit("a", "A")
    assert [record.__dict__["suppressed"] for record in caplog.records] == [1, 2, 4, 8]


def test_every_error_is_admitted_or_counted(clock: Clock) -> None:
    limit, chooser, admitted, reported = OwnErrorLimit(clock), random.Random(7), 0, 0
    for _ in range(20_000):
        clock.now += chooser.expovariate(10)
        admitted += limit.admit(f"fingerprint {chooser.randrange(2 * MAX_FINGERPRINTS)}", "title")
        reported += sum(each.count for each in limit.take_suppressed())
    clock.now += WINDOW_S
    reported += sum(each.count for each in limit.take_suppressed())
    assert admitted + reported == 20_000
    assert admitted <= MAX_PER_PROCESS * (clock.now / WINDOW_S + 1)
