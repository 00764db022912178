"""Digests the records that an SQS event source hands over, and names those that must be delivered again.

1. Wait for a database that accepts writes; without one, every record is handed back.
2. Store the batch; where that takes too long, store it in parts, so that a slow database makes progress.
3. Dead-letter what cannot be stored, each message alone and with its reason.
4. Hide what is handed back, the longer the older it is.

Each delivery counts towards the queue's maxReceiveCount. Without step 4, an outage would use up that number within hours.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from psycopg2.errors import QueryCanceled

from callwatch import sqs
from callwatch.db import connection, is_retryable, statements_within
from callwatch.db.core.db_errors import explain_no_writes, is_failing
from callwatch.digest.store import digest
from callwatch.digest.unstored import compute_pause_s
from callwatch.exceptions import DatabaseRefusesWrites, FilesUnavailable, LockUnavailable, QueueUnavailable

# A short interruption ends while the function waits: that costs one execution and no receive.
WAIT_S, WAIT_STEP_S = 10.0, 1.0
_STATEMENT_S, _MIN_S = 8.0, 2.0
_PARTS = 10

_log = logging.getLogger(__name__)


class Attributes(TypedDict):
    """What is used of the attributes that SQS adds to a message; SentTimestamp: Unix time in ms."""

    ApproximateReceiveCount: str
    SentTimestamp: str


class Record(TypedDict):
    """A message in the event of an event source."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: Attributes


class FailedRecord(TypedDict):
    """A record that the event source delivers again."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """The response that an SQS event source expects; the records that are not in it are deleted."""

    batchItemFailures: list[FailedRecord]


@dataclass(slots=True)
class _Work:
    """returned: could not be stored now. failed: the other ids that must be delivered again. deadline: on the monotonic clock."""

    dead_letter_url: str | None
    now: datetime
    deadline: float
    returned: list[Record] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def compute_remaining_s(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


def digest_records(
    records: Sequence[Record], queue_url: str | None, dead_letter_url: str | None, now: datetime, limit_s: float
) -> BatchResponse:
    """Store the records within about `limit_s`; returns which of them the event source delivers again.

    Nothing is sent to the queue that the records come from: a message in it would cause the next invocation.
    """
    work = _Work(dead_letter_url, now, time.monotonic() + limit_s)
    why = _wait_for_database(work)
    if why is None:
        _store_all(records, work)
    else:
        _log.warning("the database accepts no writes: all records are delivered again", extra={"why": why})
        work.returned += records
    _hide(work.returned, queue_url, now)
    failed = work.failed | {record["messageId"] for record in work.returned}
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(failed)]}


def _wait_for_database(work: _Work) -> str | None:
    """Why the database accepts no writes; None as soon as it does."""
    until = time.monotonic() + min(WAIT_S, work.compute_remaining_s())
    while True:
        try:
            with statements_within(lambda: _MIN_S), connection() as conn:
                refusal = explain_no_writes(conn)
                if refusal is None:
                    conn.rollback()
                    return None
                conn.close()
                raise DatabaseRefusesWrites(refusal)
        except Exception as error:
            if not is_passing(error):
                raise
            if time.monotonic() + WAIT_STEP_S >= until:
                return type(error).__name__
        time.sleep(WAIT_STEP_S)


def _store_all(records: Sequence[Record], work: _Work) -> None:
    parts = [list(records)]
    while parts:
        part = parts.pop(0)
        if work.compute_remaining_s() < _MIN_S:
            work.returned += part
            continue
        try:
            with statements_within(lambda: max(_MIN_S, min(_STATEMENT_S, work.compute_remaining_s()))):
                done = digest([record["body"] for record in part], work.now)
        except Exception as error:
            if not is_passing(error):
                raise
            if isinstance(error, QueryCanceled) and len(part) > 1:
                parts = [*_split(part), *parts]
                continue
            _log.warning("records could not be stored now", extra={"count": len(part), "why": type(error).__name__})
            work.returned += [*part, *(record for other in parts for record in other)]
            return
        for body, reason in done.poison:
            _move_to_dead_letters(body, reason, part, work)


def _split(part: list[Record]) -> Iterator[list[Record]]:
    size = -(-len(part) // _PARTS)
    return (part[start : start + size] for start in range(0, len(part), size))


def _move_to_dead_letters(body: str, reason: str, part: Sequence[Record], work: _Work) -> None:
    _log.warning("a message is dead-lettered: %s", reason)
    try:
        sqs.move_to_dead_letters(work.dead_letter_url, body, reason)
    except QueueUnavailable:
        work.failed |= {record["messageId"] for record in part if record["body"] == body}


def _hide(records: Sequence[Record], queue_url: str | None, now: datetime) -> None:
    """Hide records for their pause; where the queue does not respond, its visibility timeout hides them."""
    by_pause: dict[int, list[str]] = {}
    for record in records:
        attributes = record["attributes"]
        age_s = now.timestamp() - int(attributes["SentTimestamp"]) / 1000
        pause = compute_pause_s(int(attributes["ApproximateReceiveCount"]), age_s)
        by_pause.setdefault(pause, []).append(record["receiptHandle"])
    try:
        for pause, handles in sorted(by_pause.items()):
            sqs.hide(queue_url, handles, pause)
    except QueueUnavailable as error:
        _log.warning("records stay hidden for the queue's visibility timeout", extra={"why": str(error)})


def is_passing(error: Exception) -> bool:
    """Whether the database, the store or the moment is at fault, so that the same records may be stored later."""
    return isinstance(error, LockUnavailable | FilesUnavailable) or is_failing(error) or is_retryable(error)
