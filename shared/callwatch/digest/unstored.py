"""Remembers the messages that were received and could not be stored: the queue hides them, so that it seems empty."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callwatch import sqs
from callwatch.exceptions import FilesUnavailable, QueueUnavailable
from callwatch.sqs import QueueMessage

# Messages that could not be stored return within two minutes: if they are absent for this long, another process has stored them.
_UNSTORED_FOR = timedelta(minutes=5)
# An event source hides what it could not store for up to 15 minutes (digest/event_source.py), and holds it for one more.
HIDDEN_FOR = timedelta(minutes=16)
# The pause is a part of the time for which a message has waited: after an outage it returns within a sixth of the outage. One
# that waited for another reason (a backlog) is hidden for 30 s at first. With the template's maxReceiveCount of 1,000 an outage
# of ten days wears out no message.
MIN_PAUSE_S, FIRST_PAUSE_S, MAX_PAUSE_S = 5, 30, 900
PAUSE_SHARE = 1 / 6
# The queue's own timeout: what a failed flush received returns by then.
FLUSH_VISIBILITY_S = 120
# Of a longer failure, not every message is remembered by its id.
_IDS_KEPT = 100_000


def compute_pause_s(receive_count: int, age_s: float) -> int:
    """How long a message is hidden that was received this many times, was sent this long ago, and could not be stored."""
    by_count = FIRST_PAUSE_S * 2 ** min(max(0, receive_count - 1), 10)
    return int(min(MAX_PAUSE_S, max(MIN_PAUSE_S, min(by_count, age_s * PAUSE_SHARE))))


def hide_unstored(queue_url: str | None, messages: Sequence[QueueMessage], now: datetime) -> None:
    """Let messages of a failed flush return after their pause, where that is shorter than the queue's timeout.

    Where the queue does not respond, they return after the timeout.
    """
    by_pause: dict[int, list[str]] = {}
    for message in messages:
        age_s = (now - message.sent_at).total_seconds() if message.sent_at else 0.0
        by_pause.setdefault(compute_pause_s(message.receive_count, age_s), []).append(message.receipt_handle)
    with contextlib.suppress(QueueUnavailable):
        for pause, handles in sorted(by_pause.items()):
            if pause < FLUSH_VISIBILITY_S:
                sqs.hide(queue_url, handles, pause)


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
