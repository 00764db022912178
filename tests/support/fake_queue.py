"""An in-process SQS for code that drains it."""

import threading
from datetime import datetime

import pytest

from callwatch import sqs
from callwatch.sqs import QueueMessage


class FakeQueue:
    """SQS as flush sees it: received messages that are not deleted are redelivered."""

    def __init__(self, bodies: list[str], sent_at: datetime) -> None:
        self.waiting = {f"{id(self)}-{index}": body for index, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.sent_at = sent_at
        self.dead: list[tuple[str, str]] = []
        # A flush receives in several threads and deletes in another one.
        self.lock = threading.RLock()

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace SQS in the code under test."""
        for name in ("receive", "delete", "hide", "move_to_dead_letters"):
            monkeypatch.setattr(sqs, name, getattr(self, name))

    def receive(self, _url: str | None, most: int = 10, wait_s: int = 0) -> list[QueueMessage]:
        """Return messages, hidden until the test shows them again."""
        with self.lock:
            handles = [handle for handle in self.waiting if handle not in self.hidden][:most]
            self.hidden |= set(handles)
            return [QueueMessage(self.waiting[handle], handle, handle, 1, sent_at=self.sent_at) for handle in handles]

    def hide(self, _url: str | None, handles: list[str], for_s: int) -> None:
        """Do nothing: the test says when hidden messages are shown again."""

    def delete(self, _url: str | None, handles: list[str]) -> None:
        """Delete them for good."""
        with self.lock:
            for handle in handles:
                del self.waiting[handle]

    def move_to_dead_letters(self, _url: str | None, body: str, reason: str) -> None:
        """Record a dead letter and its reason."""
        self.dead.append((body, reason))
