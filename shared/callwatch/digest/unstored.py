"""Remembers the messages that were received and could not be stored: the queue hides them, so that it seems empty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callwatch.exceptions import FilesUnavailable
from callwatch.sqs import QueueMessage

# Messages that could not be stored return after two minutes: if they are absent for this long, another process has stored them.
_UNSTORED_FOR = timedelta(minutes=5)
# An event source hides what it could not store for up to 15 minutes (digest/event_source.py), and holds it for one more.
HIDDEN_FOR = timedelta(minutes=16)
# Of a longer failure, not every message is remembered by its id.
_IDS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Unstored:
    """Messages that could not be stored: since when the oldest of them waits, and why.

    is_of_store: the store of payloads was the reason.
    """

    since: datetime
    reason: str
    failed_at: datetime
    message_ids: frozenset[str]
    is_of_store: bool


class UnstoredMessages:
    """What the flushes of one process received and could not store, until they have stored it after all."""

    def __init__(self) -> None:
        self._known: Unstored | None = None

    def find(self, now: datetime) -> Unstored | None:
        """Return the messages that still wait; None if there are none."""
        return self._known if self._known is not None and now - self._known.failed_at < _UNSTORED_FOR else None

    def note_locked(self, now: datetime) -> None:
        """Record that they still cannot be stored."""
        known = self.find(now)
        self._known = replace(known, failed_at=now) if known else None

    def note_failed(self, messages: Sequence[QueueMessage], error: Exception, now: datetime) -> None:
        """Record messages that could not be stored."""
        known = self.find(now)
        before = known.message_ids if known else frozenset()
        ids = {message.message_id for message in messages}
        since = min([message.sent_at for message in messages if message.sent_at] + [known.since if known else now])
        known_ids = before | ids if len(before) < _IDS_KEPT else before
        self._known = Unstored(since, type(error).__name__, now, known_ids, isinstance(error, FilesUnavailable))

    def note_stored(self, messages: Sequence[QueueMessage], now: datetime) -> None:
        """Record messages that are stored by now."""
        known = self.find(now)
        left = known.message_ids - {message.message_id for message in messages} if known else frozenset()
        self._known = replace(known, message_ids=left) if known and left else None


@dataclass(slots=True)
class UnstoredElsewhere:
    """What digests of an event source may hide after the database was unusable; they tell nobody, as they had no database.

    since, until: from the first to the last cycle that could not store either; None where all is well.
    """

    since: datetime | None = None
    until: datetime | None = None

    def note_failed(self, now: datetime) -> None:
        """Record that nothing could be stored now."""
        self.since, self.until = self.since or now, now

    def find_since(self, now: datetime, in_flight: int) -> datetime | None:
        """Since when messages may wait hidden; in_flight: how many the queue hides now. None as soon as they cannot."""
        if self.until is not None and (in_flight == 0 or now - self.until > HIDDEN_FOR):
            self.since = self.until = None
        return self.since
