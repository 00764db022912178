"""Calls that may never return: in time or abandoned, and what each of them raised."""

import threading
import time
from collections.abc import Callable

import pytest

from callwatch.deadline import run_within


def test_calls_run_at_once_and_end_in_their_order() -> None:
    gate = threading.Event()

    def second() -> str:
        assert gate.wait(5)
        return "second"

    def first() -> str:
        gate.set()
        return "first"

    assert [ended.value for _key, ended in run_within(5, {2: second, 1: first})] == ["first", "second"]


def test_late_call_is_left_out_and_delays_nobody() -> None:
    hangs = threading.Event()
    began = time.monotonic()
    found = dict(run_within(0.2, {"hangs": hangs.wait, "ends": lambda: True}))
    took_s = time.monotonic() - began
    hangs.set()
    assert list(found) == ["ends"]
    assert 0.2 <= took_s < 10


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), KeyboardInterrupt()])
def test_raised_error_is_the_end_of_its_call_alone(error: BaseException) -> None:
    def refuse() -> str:
        raise error

    found = dict(run_within(5, {"refuses": refuse, "works": lambda: "done"}))
    assert (found["refuses"].error, found["works"].value) == (error, "done")


def test_no_calls_take_no_time() -> None:
    calls: dict[str, Callable[[], None]] = {}
    assert list(run_within(60, calls)) == []
