"""Counts requests that are refused before their work begins, and reports the counts to the queue about once a minute.

A flood must cost little and store little: nothing is sent in the first minute after a refusal, then one message with all
counts, whatever their number. It names no caller.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from callwatch.models.refusal import Refusal
from callwatch.tracker import error_tracker

REPORT_EVERY_S = 60.0


class Refusals:
    """The counts of one execution environment that are not reported yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[Refusal] = Counter()
        self._since = 0.0

    def add(self, reason: Refusal) -> None:
        """Count one refused request."""
        if not self._counts:
            self._since = self._clock()
        self._counts[reason] += 1

    def report(self) -> None:
        """Hand the counts to the tracker's buffer, if the oldest is a minute old; called at the end of each invocation."""
        if not self._counts or self._clock() - self._since < REPORT_EVERY_S:
            return
        error_tracker.hold_message(build_report(self._counts, datetime.now(UTC)))
        self._counts.clear()


def build_report(counts: Counter[Refusal], now: datetime) -> str:
    """The queue message of one report; its id makes a second delivery count once."""
    report = {"v": 1, "kind": "refusals", "project_id": 0, "received_at": now.isoformat(), "report_id": os.urandom(16).hex()}
    return json.dumps({**report, "counts": dict(counts)}, separators=(",", ":"))


refusals = Refusals()
