"""The file of the local queue: its tables, the shape of a message, and the file for messages that leave it unread."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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

# File for messages past their retention, next to the queue's file.
EXPIRED_FILE = "queue.expired.jsonl"

SCHEMA = """
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
    """A received message; times in seconds since 1970."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: float
    receive_count: int
    first_received_at: float


class QueueDoesNotExist(KeyError):
    """No queue has this name."""


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run one transaction that never stays open, whatever fails in it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def append_messages(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Append messages (queue, message id, body, attributes as JSON, sent at); on disk when this returns."""
    lines = [
        json.dumps({"queue": queue, "message_id": message_id, "sent_at": sent_at, "attributes": extra, "body": body})
        for queue, message_id, body, extra, sent_at in rows
    ]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def read_messages(path: Path) -> Iterator[tuple[str, str]]:
    """Return queue and body of each message of a file, in order. Raises ValueError naming the first bad line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                message = json.loads(line)
                yield str(message["queue"]), str(message["body"])
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path}, line {number} is no message") from None
