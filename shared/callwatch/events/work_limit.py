"""Limits the CPU and the time that one foreign event may take, so that an invocation always ends by itself.

A timer interrupts the work anywhere, even inside a regular expression: Python's engine checks for signals while it matches.
Signals reach only the main thread, where AWS's runtime client calls the handler; in other threads there is no limit.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

# Seconds of CPU for all events of one request, and the minimum for an event when the others have used that up. An ordinary
# event of 8 KB takes 0.005 s.
REQUEST_CPU_S = 1.0
MIN_EVENT_CPU_S = 0.03
# What all these minimums may take together, and what remains for each event after that: a hundred of them could take seconds.
RESERVE_CPU_S = 0.2
LAST_EVENT_CPU_S = 0.001
# Python ignores an exception that is raised inside a destructor or a callback of the garbage collector, so the timer repeats.
_REPEAT_S = 0.05


class WorkLimitReached(BaseException):
    """The work took longer than it may. Not an Exception, so that code that catches those does not continue."""


class WorkBudget:
    """The remaining CPU of one request; deadline: on the monotonic clock, None for no end."""

    def __init__(self, cpu_s: float = REQUEST_CPU_S, deadline: float | None = None) -> None:
        self._left_s = cpu_s
        self._reserve_s = RESERVE_CPU_S
        self._deadline = deadline

    @contextlib.contextmanager
    def spend(self, share: float = 1.0) -> Iterator[None]:
        """Run the block on a share of the remaining budget. Raises WorkLimitReached from inside the block."""
        started = time.process_time()
        try:
            with limit_work(max(min(MIN_EVENT_CPU_S, self._reserve_s), self._left_s * share, LAST_EVENT_CPU_S), self._deadline):
                yield
        finally:
            left_s = self._left_s - (time.process_time() - started)
            self._left_s, self._reserve_s = max(0.0, left_s), max(0.0, self._reserve_s + min(0.0, left_s))


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
