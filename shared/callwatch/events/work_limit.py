"""Limits the CPU and the time that one foreign event may take, so that an invocation always ends by itself.

A timer interrupts the work anywhere, even inside a regular expression: Python's engine checks for signals while it matches.
Signals reach only the main thread, where AWS's runtime client calls the handler; in other threads there is no limit.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType

# Seconds of CPU for all events of one request, and the minimum for an event when the others have used that up. An ordinary
# event of 8 KB takes 0.005 s.
REQUEST_CPU_S = 1.0
MIN_EVENT_CPU_S = 0.03
# What all these minimums may take together; and after that, so that a cheap event is whole even among costly ones, what each
# event may take, and all of them. A timer is late by a tick of the kernel, 0.004 s, so a limit on each event is no limit on all.
RESERVE_CPU_S = 0.2
LAST_EVENT_CPU_S = 0.001
LAST_CPU_S = 0.05
# For all events of a request: computing their groups, and what is left of those that are cut.
GROUPING_CPU_S = 0.25
STUBS_CPU_S = 0.1
# Python ignores an exception that is raised inside a destructor or a callback of the garbage collector, so the timer repeats.
_REPEAT_S = 0.05
_STUB_WALL_S = 0.5


class WorkLimitReached(BaseException):
    """The work took longer than it may. Not an Exception, so that code that catches those does not continue."""


class WorkBudget:
    """The remaining CPU of one request; deadline: on the monotonic clock, None for no end.

    Grouping and stubs have a part of their own: whatever events cost while they are read and scrubbed, their groups can still be
    computed, and the group of each also has what scrubbing left. All parts together are below 2 s.
    """

    def __init__(self, cpu_s: float = REQUEST_CPU_S, deadline: float | None = None) -> None:
        self._left = {"work": cpu_s, "reserve": RESERVE_CPU_S, "last": LAST_CPU_S, "groups": GROUPING_CPU_S, "stubs": STUBS_CPU_S}
        self._deadline = deadline

    @contextlib.contextmanager
    def spend(self, share: float = 1.0) -> Iterator[None]:
        """Run the block on a share of the remaining budget. Raises WorkLimitReached from inside the block."""
        left = self._left
        least_s = max(min(MIN_EVENT_CPU_S, left["reserve"]), min(LAST_EVENT_CPU_S, left["last"]))
        with self._take(("work", "reserve", "last"), max(left["work"] * share, least_s), self._deadline):
            yield

    @contextlib.contextmanager
    def spend_on_group(self) -> Iterator[None]:
        """Run the block that computes the group of an event. Raises WorkLimitReached from inside the block."""
        with self._take(("groups", "work"), self._left["groups"] + self._left["work"], self._deadline):
            yield

    @contextlib.contextmanager
    def spend_on_stub(self) -> Iterator[None]:
        """Run the block that makes a stub of an event. Raises WorkLimitReached from inside the block.

        The time may be over; what is left to do takes almost none, unless a regular expression does not end at all.
        """
        with self._take(("stubs",), min(MIN_EVENT_CPU_S, self._left["stubs"]), time.monotonic() + _STUB_WALL_S):
            yield

    @contextlib.contextmanager
    def _take(self, parts: Sequence[str], cpu_s: float, deadline: float | None) -> Iterator[None]:
        """Run the block for at most `cpu_s`, and take what it really used from these parts, one after the other."""
        if cpu_s <= 0:
            raise WorkLimitReached
        started = time.process_time()
        try:
            with limit_work(cpu_s, deadline):
                yield
        finally:
            used_s = time.process_time() - started
            for part in parts:
                taken_s = min(used_s, self._left[part])
                self._left[part] -= taken_s
                used_s -= taken_s


@contextlib.contextmanager
def limit_work(cpu_s: float, deadline: float | None = None) -> Iterator[None]:
    """Raise WorkLimitReached in the block after this much CPU of the process, or at the deadline (monotonic clock)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wall_s = None if deadline is None else deadline - time.monotonic()
    if wall_s is not None and wall_s <= 0:
        raise WorkLimitReached
    is_armed = True

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        # A signal that arrives after the block has ended changes nothing.
        if is_armed:
            raise WorkLimitReached

    timers = [(signal.SIGPROF, signal.ITIMER_PROF, cpu_s)]
    if wall_s is not None:
        timers.append((signal.SIGALRM, signal.ITIMER_REAL, wall_s))
    before = [(signal.signal(number, give_up), signal.setitimer(timer, after_s, _REPEAT_S)) for number, timer, after_s in timers]
    started = time.monotonic()
    try:
        try:
            yield
        finally:
            is_armed = False
    finally:
        for (number, timer, _after_s), (handler, (left_s, interval_s)) in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            # Without a handler SIGPROF ends the process; a late signal must find one.
            signal.signal(number, signal.SIG_IGN if handler in (signal.SIG_DFL, None) else handler)
            if left_s:
                signal.setitimer(timer, max(0.001, left_s - (time.monotonic() - started)), interval_s)
