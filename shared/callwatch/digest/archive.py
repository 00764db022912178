"""The durable archive for messages that a queue is about to delete: a folder, or a prefix in an S3 bucket.

Each file holds messages as JSON lines; its name gives their queue and their number. A file is written before its messages are
deleted from the queue, and removed after they are back in it: a crash duplicates messages, which the digest recognizes, and
loses none.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from callwatch.exceptions import ArchiveUnavailable, FilesUnavailable
from callwatch.file_store import add_file, list_files, read_file, remove_file
from callwatch.sqs import QueueMessage, send

T = TypeVar("T")

_NAME = re.compile(r"(?P<queue>[a-z_]+)-\d{8}T\d{6}Z-[0-9a-f]{16}-(?P<count>\d+)\.jsonl")


def archive_messages(url: str, queue: str, messages: Sequence[QueueMessage], now: datetime) -> str:
    """Write messages of a queue; returns the file name once the file is durable. Raises ArchiveUnavailable."""
    lines = [
        {
            "message_id": message.message_id,
            "sent_at": message.sent_at.isoformat() if message.sent_at else None,
            "reason": message.reason,
            "body": message.body,
        }
        for message in messages
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    # The same messages give the same name: a retry does not store them twice.
    ids = hashlib.sha256(" ".join(sorted(message.message_id for message in messages)).encode()).hexdigest()[:16]
    oldest = min((message.sent_at for message in messages if message.sent_at), default=now)
    name = f"{queue}-{oldest.astimezone(UTC):%Y%m%dT%H%M%SZ}-{ids}-{len(messages)}.jsonl"
    _ask(lambda: add_file(url, name, text.encode(errors="surrogatepass")))
    return name


def list_archive(url: str) -> list[str]:
    """Names of the files in the archive, the oldest messages first, as many as a store lists. Raises ArchiveUnavailable."""
    return sorted((name for name in _ask(lambda: list_files(url)) if _NAME.fullmatch(name)), key=lambda name: name.split("-")[1])


def count_archive(url: str) -> int:
    """How many messages the listed files hold, according to their names. Raises ArchiveUnavailable."""
    found = [_NAME.fullmatch(name) for name in list_archive(url)]
    return sum(int(match["count"]) for match in found if match)


def restore_archive(url: str, queue_url: str | None, limit: int, has_time: Callable[[], bool] = lambda: True) -> int:
    """Send archived messages to a queue, one file at a time, and remove each file afterwards; returns how many were sent.

    It ends after the file with which `limit` is reached, or before the next file if `has_time` returns False. Raises
    ArchiveUnavailable, QueueUnavailable: the current file then stays.
    """
    restored = 0
    for name in list_archive(url):
        if restored >= limit or not has_time():
            break
        bodies = read_archived(url, name)
        send(queue_url, bodies)
        remove_archived(url, name)
        restored += len(bodies)
    return restored


def read_archived(url: str, name: str) -> list[str]:
    """The bodies of the messages in a file. Raises ArchiveUnavailable."""
    raw = _ask(lambda: read_file(url, name))
    try:
        return [str(json.loads(line)["body"]) for line in raw.decode(errors="surrogatepass").split("\n") if line]
    except (ValueError, KeyError, TypeError):
        raise ArchiveUnavailable(f"{name} in the archive is damaged; move it away and run the command again") from None


def remove_archived(url: str, name: str) -> None:
    """Remove a file whose messages are back in a queue. Raises ArchiveUnavailable."""
    _ask(lambda: remove_file(url, name))


def _ask(action: Callable[[], T]) -> T:
    try:
        return action()
    except FilesUnavailable as error:
        raise ArchiveUnavailable(f"the archive does not respond ({type(error.__cause__).__name__})") from error
