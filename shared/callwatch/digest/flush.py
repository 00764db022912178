"""Drains the queue into PostgreSQL: it commits before it deletes, so a crash repeats messages and never loses them."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch import sqs
from callwatch.db import connection, execute
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.db_errors import explain_no_writes
from callwatch.digest.message_parser import Batch, read
from callwatch.digest.store import Digested, store
from callwatch.digest.unstored import UnstoredMessages, hide_unstored
from callwatch.exceptions import DatabaseRefusesWrites, FilesUnavailable
from callwatch.payloads.objects import ask_store
from callwatch.settings import get_settings
from callwatch.sqs import QueueMessage

BATCH = 3_000
# Independent of the backlog: three batches are in memory at once, one being read, one stored, one deleted.
BATCH_CHARACTERS = 25_000_000
RECEIVERS = 8
# A batch that exceeded its time is retried in smaller ones: otherwise a slow database would never accept it.
_SLOW_SHARE = 10
_SWITCH_S = 0.0005
_LOCK_WAIT_MS = 2_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class FlushResult:
    """The result of one flush.

    is_drained: everything is stored that was sent before the flush began. oldest_s: age of the oldest message in the last batch.
    """

    received: int = 0
    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poisoned: int = 0
    is_drained: bool = False
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Limits:
    """began_at: what is sent later need not be stored by this flush. deadline: on the monotonic clock."""

    began_at: datetime
    deadline: float


@dataclass(frozen=True, slots=True)
class _Received:
    """Messages of one round and what they contain; is_partial: a receiver found nothing more."""

    messages: list[QueueMessage]
    batch: Batch
    is_partial: bool

    def is_newer_than(self, when: datetime) -> bool:
        """Whether the queue held nothing more from before a time."""
        return self.is_partial and all(_is_newer(message, when) for message in self.messages)


def flush(now: datetime, deadline_s: float, unstored: UnstoredMessages) -> FlushResult:
    """Drain the error queue for about `deadline_s`; the next batch is received and read while one is stored.

    It ends once it meets only messages that were sent after it began: under a steady load the queue is never empty, and the
    evaluation waits for this.

    unstored: what earlier flushes of this process could not store; updated.

    Raises DatabaseUnavailable before it receives anything: an outage must not use up the receive count of good messages. For
    the same reason it raises psycopg2.errors.LockNotAvailable if tables are still locked after a flush that could not store, and
    FilesUnavailable if the store of payloads is still down after one.
    Raises QueueUnavailable if the queue does not respond.
    """
    queue_url = get_settings().error_queue_url
    deadline, began_at = time.monotonic() + deadline_s, datetime.now(UTC)
    with connection() as conn:
        _ask_for_tables(conn, unstored, now)
    total = FlushResult()
    with (
        _prompt_switching(),
        ThreadPoolExecutor(RECEIVERS, thread_name_prefix="receive") as receivers,
        ThreadPoolExecutor(1, thread_name_prefix="ahead") as ahead,
        ThreadPoolExecutor(1, thread_name_prefix="delete") as behind,
    ):
        limits = _Limits(began_at, deadline)
        coming: Future[_Received] | None = ahead.submit(_receive_next, queue_url, receivers, unstored, now, limits)
        deleted: Future[None] | None = None
        while coming is not None:
            received = coming.result()
            messages = received.messages
            if not messages:
                total.is_drained, total.oldest_s = True, 0.0
                break
            total.is_drained = received.is_newer_than(began_at)
            is_over = total.is_drained or time.monotonic() >= deadline
            coming = None if is_over else ahead.submit(_receive_next, queue_url, receivers, unstored, now, limits)
            try:
                done = store(received.batch, now)
            except Exception as error:
                # The batch that was received ahead waits as well.
                more = coming.result().messages if coming is not None and coming.exception() is None else []
                unstored.note_failed([*messages, *more], error, now)
                hide_unstored(queue_url, [*messages, *more], now)
                raise
            unstored.note_stored(messages, now)
            _move_to_dead_letters(done)
            if deleted is not None:
                deleted.result()
            deleted = behind.submit(sqs.delete, queue_url, [message.receipt_handle for message in messages])
            _add(total, done, messages)
        if deleted is not None:
            deleted.result()
    return total


def _ask_for_tables(conn: AnyConnection, unstored: UnstoredMessages, now: datetime) -> None:
    """Messages that cannot be stored now must not use up their receive count."""
    refusal = explain_no_writes(conn)
    if refusal is not None:
        conn.close()
        raise DatabaseRefusesWrites(refusal)
    known = unstored.find(now)
    if known is None:
        return
    settings = get_settings()
    if settings.payload_store and settings.payloads_url and known.is_of_store:
        _ask_for_store(settings.payloads_url, unstored, now)
    try:
        execute(conn, f"SET LOCAL lock_timeout = '{_LOCK_WAIT_MS}ms'")
        execute(conn, "LOCK TABLE callwatch.error_logs, callwatch.error_groups IN ROW EXCLUSIVE MODE")
    except LockNotAvailable:
        unstored.note_locked(now)
        raise


def _ask_for_store(url: str, unstored: UnstoredMessages, now: datetime) -> None:
    try:
        ask_store(url)
    except FilesUnavailable:
        unstored.note_locked(now)
        raise


@contextlib.contextmanager
def _prompt_switching() -> Iterator[None]:
    """Let threads switch sooner: the one that talks to PostgreSQL would otherwise wait 5 ms after each response for those that
    parse.
    """
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def _receive_next(
    queue_url: str | None, receivers: ThreadPoolExecutor, unstored: UnstoredMessages, now: datetime, limits: _Limits
) -> _Received:
    known = unstored.find(now)
    is_slow = known is not None and known.reason == QueryCanceled.__name__
    messages, is_partial = _receive(queue_url, receivers, _SLOW_SHARE if is_slow else 1, limits)
    return _Received(messages, read([message.body for message in messages], now), is_partial)


def _move_to_dead_letters(done: Digested) -> None:
    """Dead-letter poison messages, each alone and with its reason, before the queue deletes them."""
    for body, reason in done.poison:
        _log.warning("a message is dead-lettered: %s", reason)
        sqs.move_to_dead_letters(get_settings().dead_letter_queue_url, body, reason)


def _receive(queue_url: str | None, pool: ThreadPoolExecutor, share: int, limits: _Limits) -> tuple[list[QueueMessage], bool]:
    """Up to a batch, or the fraction 1/`share` of one, and whether nothing more was found; no messages mean an empty queue.

    The first receive waits as long as it takes to query every SQS server, so an idle queue costs one request. Then receivers
    work in parallel with short polls, of which some find nothing although messages wait: a round ends the batch only if all
    of its receivers found nothing, or some nothing and the others only messages that were sent after the flush began: under a
    steady load there is always one. After the deadline no further round begins: a slow queue must not keep the evaluation
    waiting.
    """
    messages = sqs.receive(queue_url, wait_s=sqs.empty_wait_s(queue_url))
    characters = sum(len(message.body) for message in messages)
    is_over = is_partial = not messages
    while not is_over and len(messages) < BATCH // share and characters < BATCH_CHARACTERS // share:
        rounds = min(RECEIVERS, -(-(BATCH // share - len(messages)) // sqs.BATCH_MESSAGES))
        found = list(pool.map(lambda _: sqs.receive(queue_url), range(rounds)))
        is_over = not all(found) and all(_is_newer(message, limits.began_at) for part in found for message in part)
        is_partial = is_over and rounds == RECEIVERS
        for part in found:
            messages += part
            characters += sum(len(message.body) for message in part)
        is_over = is_over or time.monotonic() >= limits.deadline
    if is_partial and messages and all(_is_newer(message, limits.began_at) for message in messages):
        # Under a steady load, short polls may all miss the server that holds an older message. A long poll asks every server,
        # and one that is not full leaves nothing out.
        found_last = sqs.receive(queue_url, wait_s=sqs.empty_wait_s(queue_url))
        is_full = len(found_last) == sqs.BATCH_MESSAGES
        is_partial = not is_full and all(_is_newer(message, limits.began_at) for message in found_last)
        messages += found_last
    return messages, is_partial


def _is_newer(message: QueueMessage, when: datetime) -> bool:
    return message.sent_at is not None and message.sent_at >= when


def _add(total: FlushResult, done: Digested, messages: Sequence[QueueMessage]) -> None:
    total.received += len(messages)
    total.errors += done.errors
    total.requests += done.requests
    total.duplicates += done.duplicates
    total.poisoned += len(done.poison)
    sent = [message.sent_at for message in messages if message.sent_at]
    total.oldest_s = max(0.0, (datetime.now(UTC) - min(sent)).total_seconds()) if sent else 0.0
