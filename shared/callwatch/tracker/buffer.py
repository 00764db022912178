"""Holds captured errors of one process until they are sent: at 50, at once when critical, and on flush."""

import logging
import threading
from collections.abc import Callable, Sequence

FLUSH_AT = 50
# A host that captures faster than it sends keeps the newest and counts the rest as lost.
MOST_HELD = 1_000

_log = logging.getLogger(__name__)


class Buffer:
    """Messages by queue; `send` puts them into a queue and raises where it cannot."""

    def __init__(self, send: Callable[[str, Sequence[str]], None]) -> None:
        self._send = send
        self._held: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self.lost_count = 0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, queue: str, message: str, is_urgent: bool) -> None:
        """Hold a message, and send all where it is time to."""
        with self._lock:
            if len(self._held) >= MOST_HELD:
                self._held.pop(0)
                self.lost_count += 1
            self._held.append((queue, message))
            is_due = is_urgent or len(self._held) >= FLUSH_AT
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Send what is held. What cannot be sent is counted as lost and logged; nothing raises."""
        with self._lock:
            held, self._held = self._held, []
        for queue in sorted({queue for queue, _message in held}):
            messages = [message for name, message in held if name == queue]
            try:
                self._send(queue, messages)
            except Exception as error:
                lost = getattr(error, "unsent", 0) or len(messages)
                self.lost_count += lost
                _log.error("%d errors lost: the queue did not take them (%s)", lost, type(error).__name__)
