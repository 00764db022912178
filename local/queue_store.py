"""Queues and their messages in SQLite: kept through a kill, handed out once per visibility time."""

import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Amazon SQS developer guide, "CreateQueue": names and defaults of the attributes.
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "ReceiveMessageWaitTimeSeconds": "0",
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, attributes TEXT NOT NULL, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL REFERENCES queues (name),
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    sent_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    first_received_at REAL,
    receipt TEXT
);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at);
CREATE INDEX IF NOT EXISTS messages_sent ON messages (queue, sent_at);
"""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is handed out; times in seconds since 1970."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: float
    receive_count: int
    first_received_at: float


class QueueDoesNotExist(KeyError):
    """No queue has this name."""


class QueueStore:
    """All queues of one file; every method is one transaction and may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # WAL with NORMAL keeps every committed message through the death of the process.
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)

    def create(self, name: str, attributes: dict[str, str]) -> None:
        """Make a queue, or give an existing one these attributes."""
        with self._changed:
            row = self._db.execute("SELECT attributes FROM queues WHERE name = ?", (name,)).fetchone()
            known = json.loads(row[0]) if row else DEFAULTS
            self._db.execute(
                "INSERT INTO queues VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
                (name, json.dumps({**known, **attributes}), time.time()),
            )

    def names(self, prefix: str = "") -> list[str]:
        """Names of all queues that begin with `prefix`."""
        with self._changed:
            rows = self._db.execute("SELECT name FROM queues ORDER BY name").fetchall()
        return [name for (name,) in rows if name.startswith(prefix)]

    def attributes(self, name: str) -> dict[str, str]:
        """Attributes and counts of a queue. Raises QueueDoesNotExist."""
        now = time.time()
        with self._changed:
            known = self._known(name)
            self._expire(name, known, now)
            visible, flying, delayed = self._db.execute(
                "SELECT coalesce(sum(visible_at <= ?), 0), coalesce(sum(visible_at > ? AND receive_count > 0), 0),"
                " coalesce(sum(visible_at > ? AND receive_count = 0), 0) FROM messages WHERE queue = ?",
                (now, now, now, name),
            ).fetchone()
        return {
            **known,
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(flying),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }

    def send(self, name: str, messages: Sequence[tuple[str, dict[str, Any], int | None]]) -> list[str]:
        """Keep messages (body, attributes, delay in s); returns their ids, once they are on disk."""
        now = time.time()
        with self._changed:
            default_delay = int(self._known(name)["DelaySeconds"])
            ids = [str(uuid.uuid4()) for _ in messages]
            rows = [
                (name, message_id, body, json.dumps(extra), now, now + (default_delay if delay is None else delay))
                for message_id, (body, extra, delay) in zip(ids, messages, strict=True)
            ]
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO messages (queue, message_id, body, attributes, sent_at, visible_at) VALUES (?,?,?,?,?,?)",
                rows,
            )
            self._db.execute("COMMIT")
            self._changed.notify_all()
        return ids

    def receive(self, name: str, most: int, visibility_s: int | None, wait_s: float) -> list[StoredMessage]:
        """Hand out at most `most` messages, waiting up to `wait_s` for the first."""
        deadline = time.monotonic() + wait_s
        with self._changed:
            while not (found := self._take(name, most, visibility_s)):
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0:
                    return []
                # A delayed or returned message becomes visible without anybody sending.
                self._changed.wait(min(remaining_s, 0.2))
            return found

    def delete(self, name: str, receipts: Sequence[str]) -> None:
        """Forget messages by their latest receipt; an outdated receipt deletes nothing, as in SQS."""
        with self._changed:
            self._known(name)
            self._db.execute("BEGIN IMMEDIATE")
            for receipt in receipts:
                row_id = receipt.partition(".")[0]
                self._db.execute("DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?", (row_id, name, receipt))
            self._db.execute("COMMIT")

    def change_visibility(self, name: str, receipt: str, visibility_s: int) -> None:
        """Hide a message for `visibility_s` from now; 0 makes it visible at once."""
        with self._changed:
            self._known(name)
            row_id = receipt.partition(".")[0]
            self._db.execute(
                "UPDATE messages SET visible_at = ? WHERE id = ? AND queue = ? AND receipt = ?",
                (time.time() + visibility_s, row_id, name, receipt),
            )
            self._changed.notify_all()

    def purge(self, name: str) -> None:
        """Forget every message of a queue."""
        with self._changed:
            self._known(name)
            self._db.execute("DELETE FROM messages WHERE queue = ?", (name,))

    def close(self) -> None:
        """Close the file."""
        with self._changed:
            self._db.close()

    def _take(self, name: str, most: int, visibility_s: int | None) -> list[StoredMessage]:
        now = time.time()
        known = self._known(name)
        self._expire(name, known, now)
        hidden_until = now + (int(known["VisibilityTimeout"]) if visibility_s is None else visibility_s)
        policy = json.loads(known.get("RedrivePolicy") or "{}")
        limit = int(policy.get("maxReceiveCount", 0))
        self._db.execute("BEGIN IMMEDIATE")
        if limit:
            self._db.execute(
                "UPDATE messages SET queue = ?, receive_count = 0, receipt = NULL"
                " WHERE queue = ? AND visible_at <= ? AND receive_count >= ?",
                (policy["deadLetterTargetArn"].rpartition(":")[2], name, now, limit),
            )
        rows = self._db.execute(
            "SELECT id, message_id, body, attributes, sent_at, receive_count, first_received_at FROM messages"
            " WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?",
            (name, now, most),
        ).fetchall()
        found = []
        for row_id, message_id, body, extra, sent_at, count, first in rows:
            receipt = f"{row_id}.{secrets.token_hex(12)}"
            self._db.execute(
                "UPDATE messages SET visible_at = ?, receive_count = ?, receipt = ?, first_received_at = ? WHERE id = ?",
                (hidden_until, count + 1, receipt, first or now, row_id),
            )
            found.append(StoredMessage(message_id, receipt, body, json.loads(extra), sent_at, count + 1, first or now))
        self._db.execute("COMMIT")
        return found

    def _expire(self, name: str, known: dict[str, str], now: float) -> None:
        oldest = now - int(known["MessageRetentionPeriod"])
        self._db.execute("DELETE FROM messages WHERE queue = ? AND sent_at < ?", (name, oldest))

    def _known(self, name: str) -> dict[str, str]:
        row = self._db.execute("SELECT attributes FROM queues WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise QueueDoesNotExist(name)
        found: dict[str, str] = json.loads(row[0])
        return found
