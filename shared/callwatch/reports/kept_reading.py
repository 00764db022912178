"""A reading that callers share for a few seconds, so that a flood of callers costs one reading at a time.

1. Younger than FRESH_S: the kept reading is returned.
2. Up to MAX_AGE_S: a new reading starts in the background. The caller waits briefly; if it is late, the old one is
   returned (stale-while-revalidate).
3. Older, or none: the caller reads; other callers wait for that reading.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)

FRESH_S = 5.0
MAX_AGE_S = 10.0
# The background reading usually ends within this time, so that the caller gets it.
_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    value: T
    key: object
    at: float


class KeptReading(Generic[T]):
    """The latest reading of this process.

    clock: seconds of the wall clock. The monotonic clock may stop while Lambda freezes the execution environment.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: _Reading[T] | None = None
        self._is_reading = threading.Lock()
        self._generation = 0

    def get(self, read: Callable[[], T], key: object, generation: int = 0) -> T:
        """Return the kept reading for `key`, or a new one.

        key: compared by identity; a reading for another key is not used.
        generation: a background reading that ends in another generation than it began in is discarded. In Lambda it
        is the invocation: the process may freeze between two of them, which makes timeouts meaningless.
        """
        self._generation = generation
        kept = self._find(key, MAX_AGE_S)
        if kept is None:
            return self._read_once(read, key)
        if self._find(key, FRESH_S) is not None:
            return kept.value
        done = threading.Event()
        threading.Thread(target=self._refresh, args=(read, key, generation, done), daemon=True).start()
        done.wait(_WAIT_S)
        newest = self._find(key, MAX_AGE_S) or kept
        return newest.value

    def _read_once(self, read: Callable[[], T], key: object) -> T:
        with self._is_reading:
            kept = self._find(key, FRESH_S)
            if kept is None:
                at = self._clock()
                kept = self._kept = _Reading(read(), key, at)
            return kept.value

    def _refresh(self, read: Callable[[], T], key: object, generation: int, done: threading.Event) -> None:
        if not self._is_reading.acquire(timeout=_WAIT_S):
            # Another thread is reading, and is late itself.
            return
        try:
            at = self._clock()
            if self._find(key, FRESH_S) is None:
                value = read()
                if generation == self._generation:
                    self._kept = _Reading(value, key, at)
        except Exception as error:
            # The next reading in the foreground meets the error too, and reports it.
            logger.warning("background reading failed", extra={"error": type(error).__name__})
        finally:
            self._is_reading.release()
            done.set()

    def _find(self, key: object, max_age_s: float) -> _Reading[T] | None:
        kept = self._kept
        # A clock that was set back must not keep a reading alive.
        is_valid = kept is not None and kept.key is key and 0 <= self._clock() - kept.at <= max_age_s
        return kept if is_valid else None
