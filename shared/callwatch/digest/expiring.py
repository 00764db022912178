"""Finds messages that a queue is about to delete, and moves them to the archive first.

SQS keeps a message for 14 days. It reports a message's age only to a receiver, so the queues are read through: the dead letters
each hour, the others twice a day and only while they are not drained. What stays in a queue is visible again right after.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callwatch import sqs
from callwatch.digest.archive import archive_messages, count_archive
from callwatch.exceptions import ArchiveUnavailable, QueueUnavailable
from callwatch.sqs import QueueMessage

# Three days before SQS deletes it: a failed look is repeated many times until then.
ARCHIVE_AFTER = timedelta(days=11)
# A look adds one to the queue's receive count of a message: few looks keep it from being dead-lettered for that.
LOOK_EVERY_S = {"dead_letters": 3_600.0, "errors": 43_200.0, "critical": 43_200.0}
MAX_PER_LOOK = 2_000
# Messages are large, at most 1 MiB each: a file is written and its memory freed before more are received.
MAX_PER_FILE = 200
MAX_CHARACTERS_PER_FILE = 20_000_000
# Time reserved for writing a file and deleting its messages.
_MARGIN_S = 2.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class QueueLook:
    """The result of the last look at a queue. oldest_at: None if it was empty."""

    at: datetime
    monotonic_at: float
    oldest_at: datetime | None
    is_whole: bool
    moved: int


@dataclass(slots=True)
class ExpiringState:
    """What this process knows about the queues and the archive.

    drained: queues that the last cycle emptied, so that nobody looks into them. archived: None if unknown, and `why` gives the
    reason.
    """

    looks: dict[str, QueueLook] = field(default_factory=dict)
    drained: frozenset[str] = frozenset()
    archived: int | None = None
    why: str | None = "the queue was not looked at yet"


@dataclass(slots=True)
class _Look:
    """held: the latest receipt of each message that the look hides from other receivers, by the message's id."""

    archive_url: str | None
    queue_name: str
    queue_url: str
    now: datetime
    deadline: float
    seen: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    moved: int = 0
    oldest_at: datetime | None = None
    expiring: list[QueueMessage] = field(default_factory=list)


def is_due(state: ExpiringState, name: str, monotonic_now: float) -> bool:
    """Whether to look at a queue: its time has come, or the last look archived messages and did not see all of them."""
    last = state.looks.get(name)
    if last is None or monotonic_now - last.monotonic_at >= LOOK_EVERY_S[name]:
        return True
    return not last.is_whole and last.moved > 0


def archive_expiring(
    state: ExpiringState, archive_url: str | None, queues: Sequence[tuple[str, str]], now: datetime, limit_s: float
) -> dict[str, int]:
    """Look at the due queues, given as (name, URL), and archive what expires soon; returns how many were moved, by queue.

    Raises QueueUnavailable, ArchiveUnavailable. Without an archive it determines the ages and moves nothing.
    """
    deadline = time.monotonic() + limit_s
    moved = {}
    for name, url in queues:
        if is_due(state, name, time.monotonic()) and time.monotonic() < deadline - _MARGIN_S:
            look = _Look(archive_url, name, url, now, deadline)
            try:
                is_whole = _look_through(look)
            finally:
                _release(look)
            state.looks[name] = QueueLook(now, time.monotonic(), look.oldest_at, is_whole, look.moved)
            moved[name] = look.moved
    if archive_url and (moved or state.archived is None):
        _count_archive(state, archive_url)
    return moved


def _look_through(look: _Look) -> bool:
    """Receive until the queue returns nothing or a limit is reached; whether the whole queue was seen."""
    if not sqs.estimate_count(look.queue_url):
        return True
    while len(look.seen) < MAX_PER_LOOK and time.monotonic() < look.deadline - _MARGIN_S:
        received = sqs.receive(look.queue_url, wait_s=sqs.empty_wait_s(look.queue_url))
        look.held.update((message.message_id, message.receipt_handle) for message in received)
        # SQS may deliver a message twice, and a message that was received early becomes visible again after a while.
        messages = [message for message in received if message.message_id not in look.seen]
        if not messages:
            _move(look)
            return True
        look.seen.update(message.message_id for message in messages)
        for message in messages:
            if message.sent_at is None:
                continue
            if look.now - message.sent_at >= ARCHIVE_AFTER and look.archive_url:
                look.expiring.append(message)
            elif look.oldest_at is None or message.sent_at < look.oldest_at:
                look.oldest_at = message.sent_at
        if len(look.expiring) >= MAX_PER_FILE or sum(len(each.body) for each in look.expiring) > MAX_CHARACTERS_PER_FILE:
            _move(look)
    _move(look)
    return False


def _move(look: _Look) -> None:
    """Write what expires soon to the archive, and only then delete it from the queue."""
    if not look.expiring or not look.archive_url:
        return
    name = archive_messages(look.archive_url, look.queue_name, look.expiring, look.now)
    sqs.delete(look.queue_url, [message.receipt_handle for message in look.expiring])
    _log.warning("messages that were about to expire are in the archive", extra={"file": name, "count": len(look.expiring)})
    for message in look.expiring:
        look.held.pop(message.message_id, None)
    look.moved += len(look.expiring)
    look.expiring = []


def _release(look: _Look) -> None:
    """Return to the queue what the look received and left there: the next flush must not take the queue for empty."""
    try:
        sqs.release(look.queue_url, list(look.held.values()))
    except QueueUnavailable as error:
        _log.warning("messages that were looked at stay hidden for a while", extra={"why": str(error)})


def _count_archive(state: ExpiringState, archive_url: str) -> None:
    try:
        state.archived, state.why = count_archive(archive_url), None
    except ArchiveUnavailable as error:
        state.archived, state.why = None, str(error)
        raise
