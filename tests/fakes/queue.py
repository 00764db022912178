"""SQS inside of one process, for who drains it."""

from datetime import datetime

import pytest

from callwatch import queue
from callwatch.queue import QueueMessage


class FakeQueue:
    """SQS as flush sees it: what was received and not deleted comes again."""

    def __init__(self, bodies: list[str], sent_at: datetime) -> None:
        self.waiting = {f"{id(self)}-{index}": body for index, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.sent_at = sent_at
        self.dead: list[tuple[str, str]] = []

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of SQS."""
        for name in ("receive", "delete", "dead_letter"):
            monkeypatch.setattr(queue, name, getattr(self, name))

    def receive(self, _url: str | None, most: int = 10) -> list[QueueMessage]:
        """Messages, hidden until the test shows them again."""
        handles = [handle for handle in self.waiting if handle not in self.hidden][:most]
        self.hidden |= set(handles)
        return [QueueMessage(self.waiting[handle], handle, handle, 1, sent_at=self.sent_at) for handle in handles]

    def delete(self, _url: str | None, handles: list[str]) -> None:
        """They will not come again."""
        for handle in handles:
            del self.waiting[handle]

    def dead_letter(self, _url: str | None, body: str, reason: str) -> None:
        """What was set aside, and why."""
        self.dead.append((body, reason))
