"""Limits how many of its own errors Callwatch captures, per fingerprint and per process, and counts the others.

This keeps a program whose error reports cause more errors from feeding itself. Errors of a host are never limited here.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0
MAX_PER_FINGERPRINT = 5
MAX_PER_PROCESS = 30
# Fingerprints that are counted one by one; all others share one count, so that memory stays bounded.
MAX_FINGERPRINTS = 200
OTHERS = "others"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Suppressed:
    """The suppressed errors of one fingerprint: how many, and the title of the first."""

    title: str
    count: int = 0


class OwnErrorLimit:
    """Admits at most MAX_PER_FINGERPRINT errors per fingerprint and MAX_PER_PROCESS errors per process in WINDOW_S."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._window_began_at = clock()
        self._captured: dict[str, int] = {}
        self._suppressed: dict[str, Suppressed] = {}
        self._suppressing_since: float | None = None

    def admit(self, fingerprint: str, title: str) -> bool:
        """Whether to capture this error. An error that is not captured is counted and logged."""
        with self._lock:
            now = self._clock()
            if now - self._window_began_at >= WINDOW_S:
                self._window_began_at, self._captured = now, {}
            of_fingerprint = self._captured.get(fingerprint, 0)
            if of_fingerprint < MAX_PER_FINGERPRINT and sum(self._captured.values()) < MAX_PER_PROCESS:
                self._captured[fingerprint] = of_fingerprint + 1
                return True
            known = self._count(fingerprint, title, now)
        # At 1, 2, 4, 8 ...: a process that ends before it can report has logged the count to within a factor of two.
        if known.count & (known.count - 1) == 0:
            _log.warning("own errors are suppressed", extra={"error_title": known.title, "suppressed": known.count})
        return False

    def take_suppressed(self) -> list[Suppressed]:
        """The suppressed errors, most frequent first, once a window has passed since the first; each is returned only once."""
        with self._lock:
            if self._suppressing_since is None or self._clock() - self._suppressing_since < WINDOW_S:
                return []
            found, self._suppressed, self._suppressing_since = self._suppressed, {}, None
        return sorted(found.values(), key=lambda each: -each.count)

    def _count(self, fingerprint: str, title: str, now: float) -> Suppressed:
        if self._suppressing_since is None:
            self._suppressing_since = now
        is_known = fingerprint in self._suppressed or len(self._suppressed) < MAX_FINGERPRINTS
        known = self._suppressed.setdefault(fingerprint if is_known else OTHERS, Suppressed(title if is_known else OTHERS))
        known.count += 1
        return known
