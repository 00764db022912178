"""Drains the queue into PostgreSQL: committed before deleted, so that a crash repeats and never loses."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch import queue
from callwatch.db import connection, execute
from callwatch.db.connect import AnyConnection
from callwatch.db.failing import is_read_only
from callwatch.exceptions import DatabaseUnavailable
from callwatch.queue import QueueMessage
from callwatch.settings import get_settings
from callwatch.tracker.digest import Digested, store
from callwatch.tracker.read import Batch, read

BATCH = 3_000
# Whatever their number: three batches are in memory at once, one read, one stored, one deleted.
BATCH_CHARACTERS = 25_000_000
_RECEIVERS = 8
# What ran past its time is tried again in smaller batches: else a slow database would never take it.
_SLOW_SHARE = 10
_SWITCH_S = 0.0005
# Messages that could not be stored come again after two minutes: this long without them, others have stored them.
_UNSTORED_FOR = timedelta(minutes=5)
# Of a longer failure not every message is remembered by its id.
_IDS_KEPT = 100_000
_LOCK_WAIT_MS = 2_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class FlushResult:
    """What one flush did; is_drained: the queue had nothing more to give; oldest_s: age of the oldest message met last."""

    received: int = 0
    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poisoned: int = 0
    is_drained: bool = False
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Unstored:
    """Messages that were received and could not be stored: since when the oldest of them waits, and why."""

    since: datetime
    reason: str
    failed_at: datetime
    message_ids: frozenset[str]


_unstored: Unstored | None = None


def unstored(now: datetime) -> Unstored | None:
    """What flushes of this process received and could not store, until they have stored it after all.

    The queue hides a message for a while after each try, so that it seems empty between two of them.
    """
    return _unstored if _unstored is not None and now - _unstored.failed_at < _UNSTORED_FOR else None


def flush(now: datetime, deadline_s: float) -> FlushResult:
    """Drain the error queue for about `deadline_s`; the next batch is received and read while one is stored.

    Raises DatabaseUnavailable before anything is received: an outage must not wear good messages out. Neither must tables
    that are still locked after a flush that could not store: psycopg2.errors.LockNotAvailable.
    Raises QueueUnavailable where the queue does not answer.
    """
    queue_url = get_settings().error_queue_url
    deadline = time.monotonic() + deadline_s
    with connection() as conn:
        _ask_for_tables(conn, now)
    total = FlushResult()
    with (
        _prompt_switching(),
        ThreadPoolExecutor(_RECEIVERS, thread_name_prefix="receive") as receivers,
        ThreadPoolExecutor(1, thread_name_prefix="ahead") as ahead,
        ThreadPoolExecutor(1, thread_name_prefix="delete") as behind,
    ):
        coming: Future[tuple[list[QueueMessage], Batch]] | None = ahead.submit(_next, queue_url, receivers, now)
        deleted: Future[None] | None = None
        while coming is not None:
            messages, batch = coming.result()
            if not messages:
                total.is_drained, total.oldest_s = True, 0.0
                break
            coming = ahead.submit(_next, queue_url, receivers, now) if time.monotonic() < deadline else None
            try:
                done = store(batch, now)
            except Exception as error:
                # What was received ahead waits as well.
                more = coming.result()[0] if coming is not None and coming.exception() is None else []
                _note_unstored([*messages, *more], error, now)
                raise
            _note_stored(messages, now)
            _bury(done)
            if deleted is not None:
                deleted.result()
            deleted = behind.submit(queue.delete, queue_url, [message.receipt_handle for message in messages])
            _add(total, done, messages)
        if deleted is not None:
            deleted.result()
    return total


def _ask_for_tables(conn: AnyConnection, now: datetime) -> None:
    """What cannot be stored now must not wear out by being received again and again."""
    global _unstored
    if is_read_only(conn):
        conn.close()
        raise DatabaseUnavailable("the server is read-only")
    known = unstored(now)
    if known is None:
        return
    try:
        execute(conn, f"SET LOCAL lock_timeout = '{_LOCK_WAIT_MS}ms'")
        execute(conn, "LOCK TABLE callwatch.error_logs, callwatch.error_groups IN ROW EXCLUSIVE MODE")
    except LockNotAvailable:
        _unstored = replace(known, failed_at=now)
        raise


def _note_unstored(messages: Sequence[QueueMessage], error: Exception, now: datetime) -> None:
    global _unstored
    known = unstored(now)
    before = known.message_ids if known else frozenset()
    ids = {message.message_id for message in messages}
    since = min([message.sent_at for message in messages if message.sent_at] + [known.since if known else now])
    _unstored = Unstored(since, type(error).__name__, now, before | ids if len(before) < _IDS_KEPT else before)


def _note_stored(messages: Sequence[QueueMessage], now: datetime) -> None:
    global _unstored
    known = unstored(now)
    left = known.message_ids - {message.message_id for message in messages} if known else frozenset()
    _unstored = replace(known, message_ids=left) if known and left else None


@contextlib.contextmanager
def _prompt_switching() -> Iterator[None]:
    """Let threads take turns sooner: the one that talks to PostgreSQL would wait 5 ms after each answer for those that read."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def _next(queue_url: str | None, receivers: ThreadPoolExecutor, now: datetime) -> tuple[list[QueueMessage], Batch]:
    known = unstored(now)
    is_slow = known is not None and known.reason == QueryCanceled.__name__
    messages = _receive(queue_url, receivers, _SLOW_SHARE if is_slow else 1)
    return messages, read([message.body for message in messages], now)


def _bury(done: Digested) -> None:
    """Poison goes to the dead letters, alone and with its reason, before the queue forgets it."""
    for body, reason in done.poison:
        _log.warning("a message goes to the dead letters: %s", reason)
        queue.dead_letter(get_settings().dead_letter_queue_url, body, reason)


def _receive(queue_url: str | None, pool: ThreadPoolExecutor, share: int) -> list[QueueMessage]:
    """Up to a batch, or a `share`-th of one; receivers work side by side, and stop when one of them finds nothing."""
    messages: list[QueueMessage] = []
    characters = 0
    while len(messages) < BATCH // share and characters < BATCH_CHARACTERS // share:
        rounds = min(_RECEIVERS, -(-(BATCH // share - len(messages)) // queue.BATCH_MESSAGES))
        found = list(pool.map(lambda _: queue.receive(queue_url), range(rounds)))
        for part in found:
            messages += part
            characters += sum(len(message.body) for message in part)
        if not all(found):
            break
    return messages


def _add(total: FlushResult, done: Digested, messages: Sequence[QueueMessage]) -> None:
    total.received += len(messages)
    total.errors += done.errors
    total.requests += done.requests
    total.duplicates += done.duplicates
    total.poisoned += len(done.poison)
    sent = [message.sent_at for message in messages if message.sent_at]
    total.oldest_s = max(0.0, (datetime.now(UTC) - min(sent)).total_seconds()) if sent else 0.0
