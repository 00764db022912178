"""Queues and their messages in SQLite: on disk before they are acknowledged, delivered once per visibility timeout."""

import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.sqs.clock import MAX_VISIBILITY_S, RetentionClock
from local.sqs.queue_file import (
    DEFAULTS,
    EXPIRED_FILE,
    SCHEMA,
    QueueDoesNotExist,
    StoredMessage,
    append_messages,
    transaction,
)

_INSERT = "INSERT INTO messages (queue, message_id, body, attributes, sent_at, visible_at) VALUES (?,?,?,?,?,?)"
_WAIT_STEP_S = 0.2


@dataclass(slots=True)
class _Sending:
    """Rows of one sender that wait for the next commit, and their result."""

    rows: list[tuple[Any, ...]]
    is_done: bool = False
    error: sqlite3.Error | None = field(default=None)


class QueueStore:
    """All queues of one file; every method is one transaction and can be called from any thread.

    A send returns once its messages survive a power cut; concurrent senders share one commit. A receive or a
    delete survives only the death of the process: after a power cut its message is delivered again.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._now = clock
        self._changed = threading.Condition(threading.RLock())
        self._sending: list[_Sending] = []
        self._sending_lock = threading.Lock()
        self._expired_file = path.with_name(EXPIRED_FILE)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        self._clock = RetentionClock(self._db, self._now())
        rows = self._db.execute("SELECT name, attributes FROM queues").fetchall()
        self._queues: dict[str, dict[str, str]] = {name: json.loads(attributes) for name, attributes in rows}

    def create(self, name: str, attributes: Mapping[str, str]) -> None:
        """Create a queue, or give an existing one these attributes."""
        with self._changed:
            known = {**self._queues.get(name, DEFAULTS), **attributes}
            self._db.execute(
                "INSERT INTO queues VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
                (name, json.dumps(known), self._now()),
            )
            self._queues[name] = known

    def list_names(self, prefix: str = "") -> list[str]:
        """Return the names of all queues that begin with `prefix`."""
        with self._changed:
            return sorted(name for name in self._queues if name.startswith(prefix))

    def read_attributes(self, name: str) -> dict[str, str]:
        """Return attributes and counts of a queue. Raises QueueDoesNotExist."""
        with self._changed:
            now = self._tick()
            known = self._get_known(name)
            self._expire(name, known, now)
            visible, in_flight, delayed = self._db.execute(
                "SELECT coalesce(sum(visible_at <= ?), 0), coalesce(sum(visible_at > ? AND receive_count > 0), 0),"
                " coalesce(sum(visible_at > ? AND receive_count = 0), 0) FROM messages WHERE queue = ?",
                (now, now, now, name),
            ).fetchone()
        return {
            **known,
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }

    def read_default_wait_s(self, name: str) -> int:
        """Return the wait of a receive that does not set its own. Raises QueueDoesNotExist."""
        return int(self._get_known(name)["ReceiveMessageWaitTimeSeconds"])

    def send(self, name: str, messages: Sequence[tuple[str, dict[str, Any], int | None]]) -> list[str]:
        """Store messages (body, attributes, delay in s); return their ids once they are on disk."""
        now = self._now()
        default_delay = int(self._get_known(name)["DelaySeconds"])
        ids = [str(uuid.uuid4()) for _ in messages]
        rows: list[tuple[Any, ...]] = [
            (name, message_id, body, json.dumps(extra), now, now + (default_delay if delay is None else delay))
            for message_id, (body, extra, delay) in zip(ids, messages, strict=True)
        ]
        sending = _Sending(rows)
        with self._sending_lock:
            self._sending.append(sending)
        with self._changed:
            # The first sender to get the lock commits for all that wait: one disk flush serves them together.
            if not sending.is_done:
                self._commit_sending()
        if sending.error is not None:
            raise sending.error
        return ids

    def receive(self, name: str, max_messages: int, visibility_s: int | None, wait_s: float) -> list[StoredMessage]:
        """Return at most `max_messages` messages, waiting up to `wait_s` for the first."""
        deadline = time.monotonic() + wait_s
        with self._changed:
            while not (found := self._take(name, max_messages, visibility_s)):
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0:
                    return []
                # A delayed or returned message becomes visible without a send.
                self._changed.wait(min(remaining_s, _WAIT_STEP_S))
            return found

    def delete(self, name: str, receipts: Sequence[str]) -> None:
        """Delete messages by their latest receipt; an outdated receipt deletes nothing, as in SQS."""
        rows = [(receipt.partition(".")[0], name, receipt) for receipt in receipts]
        with self._changed:
            self._get_known(name)
            with transaction(self._db):
                self._db.executemany("DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?", rows)

    def change_visibility(self, name: str, receipt: str, visibility_s: int) -> None:
        """Hide a message for `visibility_s` from now; 0 makes it visible at once."""
        with self._changed:
            self._get_known(name)
            self._db.execute(
                "UPDATE messages SET visible_at = ? WHERE id = ? AND queue = ? AND receipt = ?",
                (self._now() + visibility_s, receipt.partition(".")[0], name, receipt),
            )
            self._changed.notify_all()

    def purge(self, name: str) -> None:
        """Delete every message of a queue."""
        with self._changed:
            self._get_known(name)
            self._db.execute("DELETE FROM messages WHERE queue = ?", (name,))

    def beat(self) -> None:
        """Note that the queue is up; a long gap between two notes does not count toward the age of messages."""
        with self._changed:
            self._tick()

    def close(self) -> None:
        """Close the file."""
        with self._changed:
            self._clock.save(self._now())
            self._db.close()

    def _commit_sending(self) -> None:
        """Commit the messages of all waiting senders, and report the result to each."""
        with self._sending_lock:
            waiting, self._sending = self._sending, []
        error: sqlite3.Error | None = None
        try:
            self._db.execute("PRAGMA synchronous = FULL")
            with transaction(self._db):
                self._db.executemany(_INSERT, [row for sending in waiting for row in sending.rows])
        except sqlite3.Error as failure:
            error = failure
        finally:
            self._db.execute("PRAGMA synchronous = NORMAL")
        for sending in waiting:
            sending.is_done, sending.error = True, error
        self._changed.notify_all()

    def _take(self, name: str, max_messages: int, visibility_s: int | None) -> list[StoredMessage]:
        now = self._tick()
        known = self._get_known(name)
        self._expire(name, known, now)
        hidden_until = now + (int(known["VisibilityTimeout"]) if visibility_s is None else visibility_s)
        with transaction(self._db):
            self._move_worn_out(name, known, now)
            rows = self._db.execute(
                "SELECT id, message_id, body, attributes, sent_at, receive_count, first_received_at FROM messages"
                " WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?",
                (name, now, max_messages),
            ).fetchall()
            found = []
            for row_id, message_id, body, extra, sent_at, count, first in rows:
                receipt = f"{row_id}.{secrets.token_hex(12)}"
                self._db.execute(
                    "UPDATE messages SET visible_at = ?, receive_count = ?, receipt = ?, first_received_at = ? WHERE id = ?",
                    (hidden_until, count + 1, receipt, first or now, row_id),
                )
                found.append(StoredMessage(message_id, receipt, body, json.loads(extra), sent_at, count + 1, first or now))
        return found

    def _move_worn_out(self, name: str, known: Mapping[str, str], now: float) -> None:
        """Move messages that were received too often to the dead-letter queue."""
        policy = json.loads(known.get("RedrivePolicy") or "{}")
        max_receives = int(policy.get("maxReceiveCount", 0))
        if max_receives:
            self._db.execute(
                "UPDATE messages SET queue = ?, receive_count = 0, receipt = NULL"
                " WHERE queue = ? AND visible_at <= ? AND receive_count >= ?",
                (policy["deadLetterTargetArn"].rpartition(":")[2], name, now, max_receives),
            )

    def _tick(self) -> float:
        """Return the current time, and pass it to the retention clock."""
        now = self._now()
        if self._clock.tick(now):
            # A clock that went back would hide messages until it reaches the old time again.
            self._db.execute("UPDATE messages SET visible_at = ? WHERE visible_at > ?", (now, now + MAX_VISIBILITY_S))
        return now

    def _expire(self, name: str, known: Mapping[str, str], now: float) -> None:
        """Move messages past their retention out of the queue, into a file that keeps them."""
        oldest = self._clock.compute_oldest_kept(now, int(known["MessageRetentionPeriod"]))
        rows = self._db.execute(
            "SELECT id, queue, message_id, body, attributes, sent_at FROM messages WHERE queue = ? AND sent_at < ? LIMIT 1000",
            (name, oldest),
        ).fetchall()
        if rows:
            append_messages(self._expired_file, [row[1:] for row in rows])
            with transaction(self._db):
                self._db.executemany("DELETE FROM messages WHERE id = ?", [row[:1] for row in rows])

    def _get_known(self, name: str) -> dict[str, str]:
        try:
            return self._queues[name]
        except KeyError:
            raise QueueDoesNotExist(name) from None
