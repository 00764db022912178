"""Holds the captured errors of one process until they are sent: at 50 errors, at once for a critical one, and on flush."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

FLUSH_AT = 50
# A host that captures faster than it sends keeps the newest errors and counts the others as lost.
MAX_HELD = 1_000
# After a queue accepted nothing, no send is tried for this time: a host full of errors must not wait for it again and again.
PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class Buffer:
    """Messages by queue; `send` puts them into a queue and raises if it cannot."""

    def __init__(self, send: Callable[[str, Sequence[str]], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._held: deque[tuple[str, str]] = deque()
        self._lock = threading.Lock()
        self._paused_until = float("-inf")
        self.lost_count = 0
        os.register_at_fork(after_in_child=self._restart_after_fork)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, queue: str, message: str, is_urgent: bool) -> None:
        """Hold a message, and send all messages if it is time to."""
        with self._lock:
            if len(self._held) >= MAX_HELD:
                self._held.popleft()
                self.lost_count += 1
            self._held.append((queue, message))
            is_due = is_urgent or len(self._held) >= FLUSH_AT
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Send the held messages. Messages that cannot be sent are counted as lost and logged; nothing raises.

        Shortly after a failure no send is tried: the messages stay until the next flush.
        """
        with self._lock:
            if not self._held or self._clock() < self._paused_until:
                return
            held, self._held = self._held, deque()
        for queue in sorted({queue for queue, _message in held}):
            messages = [message for name, message in held if name == queue]
            try:
                self._send(queue, messages)
            except Exception as error:
                self.count_lost(getattr(error, "unsent", 0) or len(messages), f"the queue did not accept them ({error})")
                with self._lock:
                    self._paused_until = self._clock() + PAUSE_S

    def count_lost(self, count: int, why: str) -> None:
        """Count and log lost messages."""
        with self._lock:
            self.lost_count += count
        _log.error("%d errors lost: %s", count, why)

    def _restart_after_fork(self) -> None:
        """In a forked child: another thread of the parent may hold the lock, and the parent sends the messages that are held."""
        self._held = deque()
        self._lock = threading.Lock()
        self.lost_count = 0
