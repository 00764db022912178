"""The durable archive for messages that a queue is about to delete: a folder, or a prefix in an S3 bucket.

Each file holds messages as JSON lines; its name gives their queue and their number. A file is written before its messages are
deleted from the queue, and removed after they are back in it: a crash duplicates messages, which the digest recognizes, and
loses none.
"""

import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from callwatch.exceptions import ArchiveUnavailable
from callwatch.sqs import QueueMessage, send

T = TypeVar("T")

MAX_LISTED = 1_000
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
    _run(lambda: _write(url, name, text.encode(errors="surrogatepass")))
    return name


def list_archive(url: str) -> list[str]:
    """Names of the files in the archive, the oldest messages first, at most MAX_LISTED. Raises ArchiveUnavailable."""
    return sorted((name for name in _run(lambda: _names(url)) if _NAME.fullmatch(name)), key=lambda name: name.split("-")[1])


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
    raw = _run(lambda: _read(url, name))
    try:
        return [str(json.loads(line)["body"]) for line in raw.decode(errors="surrogatepass").split("\n") if line]
    except (ValueError, KeyError, TypeError):
        raise ArchiveUnavailable(f"{name} in the archive is damaged; move it away and run the command again") from None


def remove_archived(url: str, name: str) -> None:
    """Remove a file whose messages are back in a queue. Raises ArchiveUnavailable."""
    _run(lambda: _remove(url, name))


def _run(action: Callable[[], T]) -> T:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return action()
    except (OSError, BotoCoreError, ClientError) as error:
        raise ArchiveUnavailable(f"the archive does not respond ({type(error).__name__})") from error


def _split(url: str) -> tuple[str, str] | None:
    """Bucket and prefix; None for a folder."""
    if not url.startswith("s3://"):
        return None
    bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""


def _write(url: str, name: str, content: bytes) -> None:
    place = _split(url)
    if place:
        _client().put_object(Bucket=place[0], Key=place[1] + name, Body=content, ContentType="application/x-ndjson")
        return
    folder = Path(url)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # The name, too, must be durable before the messages leave the queue.
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(url: str) -> list[str]:
    place = _split(url)
    if not place:
        return [path.name for path in Path(url).glob("*.jsonl")][:MAX_LISTED] if Path(url).is_dir() else []
    found = _client().list_objects_v2(Bucket=place[0], Prefix=place[1], MaxKeys=MAX_LISTED).get("Contents", [])
    return [str(entry["Key"]).removeprefix(place[1]) for entry in found]


def _read(url: str, name: str) -> bytes:
    place = _split(url)
    if not place:
        return (Path(url) / name).read_bytes()
    content: bytes = _client().get_object(Bucket=place[0], Key=place[1] + name)["Body"].read()
    return content


def _remove(url: str, name: str) -> None:
    place = _split(url)
    if place:
        _client().delete_object(Bucket=place[0], Key=place[1] + name)
    else:
        (Path(url) / name).unlink(missing_ok=True)


@functools.cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    make: Any = boto3.client
    return make("s3", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}))
