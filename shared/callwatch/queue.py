"""SQS as the durable buffer: send, receive, delete, count, dead-letter, redrive."""

import functools
import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from callwatch.exceptions import QueueUnavailable

# Amazon SQS quotas: ten messages and 1 MiB in a batch; the margin holds the attributes.
BATCH_MESSAGES = 10
BATCH_BYTES = 1_048_576
MESSAGE_BYTES = BATCH_BYTES - 4_096
_THROTTLES = frozenset({"RequestThrottled", "ThrottlingException", "Throttling", "OverLimit", "SlowDown"})
REDRIVE_MOST = 10_000
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
_IN_REGION = re.compile(r"^sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.)")
# SQS refuses a message whose attributes hold anything else.
_NOT_IN_ATTRIBUTES = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DELETERS = 8


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message; `receive_count` counts this time too."""

    body: str
    receipt_handle: str
    message_id: str
    receive_count: int
    reason: str | None = None
    sent_at: datetime | None = None


def send(queue_url: str | None, bodies: Sequence[str]) -> None:
    """Put messages into the queue; returns when SQS has taken them all.

    Raises QueueUnavailable, whose `unsent` counts those not taken, from the end of `bodies`.
    """
    taken = 0
    for batch in batches(bodies):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(batch)]
        refused = len(bodies) - taken
        answer = _call(
            lambda sqs, rows: sqs.send_message_batch(QueueUrl=queue_url, Entries=rows), entries, queue_url, refused, True
        )
        if answer.get("Failed"):
            raise QueueUnavailable(f"the queue refused {len(answer['Failed'])} messages", refused)
        taken += len(batch)


def receive(queue_url: str | None, max_messages: int = 10) -> list[QueueMessage]:
    """At most ten messages, hidden from others for the queue's visibility time. Raises QueueUnavailable."""
    answer = _call(
        lambda sqs, most: sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            MessageAttributeNames=["reason"],
        ),
        min(max_messages, BATCH_MESSAGES),
        queue_url,
    )
    return [_message(found) for found in answer.get("Messages", [])]


def _message(found: Mapping[str, Any]) -> QueueMessage:
    attributes = found.get("Attributes", {})
    sent_ms = attributes.get("SentTimestamp")
    return QueueMessage(
        body=found["Body"],
        receipt_handle=found["ReceiptHandle"],
        message_id=found["MessageId"],
        receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
        reason=found.get("MessageAttributes", {}).get("reason", {}).get("StringValue"),
        sent_at=datetime.fromtimestamp(int(sent_ms) / 1000, UTC) if sent_ms else None,
    )


def delete(queue_url: str | None, receipt_handles: Sequence[str]) -> None:
    """Delete received messages. Raises QueueUnavailable; what was not deleted comes again."""
    rows = [receipt_handles[start : start + BATCH_MESSAGES] for start in range(0, len(receipt_handles), BATCH_MESSAGES)]

    def delete_batch(batch: Sequence[str]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(batch)]
        _call(lambda sqs, given: sqs.delete_message_batch(QueueUrl=queue_url, Entries=given), entries, queue_url)

    if len(rows) < 2:
        for batch in rows:
            delete_batch(batch)
        return
    with ThreadPoolExecutor(_DELETERS) as pool:
        list(pool.map(delete_batch, rows))


def dead_letter(queue_url: str | None, body: str, reason: str) -> None:
    """Put one message that cannot be digested into the dead-letter queue, with its reason. Raises QueueUnavailable."""
    attribute = {"reason": {"DataType": "String", "StringValue": _NOT_IN_ATTRIBUTES.sub("?", reason)[:1000] or "unknown"}}
    _call(
        lambda sqs, text: sqs.send_message(QueueUrl=queue_url, MessageBody=text, MessageAttributes=attribute),
        body,
        queue_url,
        1,
    )


def approximate_count(queue_url: str | None) -> int:
    """Messages in the queue: visible, in flight and delayed, as SQS estimates them. Raises QueueUnavailable."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    answer = _call(lambda sqs, wanted: sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=wanted), names, queue_url)
    return sum(int(answer["Attributes"].get(name, 0)) for name in names)


def redrive(from_url: str | None, to_url: str | None, limit: int) -> int:
    """Move at most `limit` messages from one queue to the other; returns how many. Raises QueueUnavailable.

    A message is sent before it is deleted: a crash between the two repeats it, and loses nothing.
    """
    moved = 0
    while moved < limit:
        messages = receive(from_url, min(BATCH_MESSAGES, limit - moved))
        if not messages:
            break
        send(to_url, [message.body for message in messages])
        delete(from_url, [message.receipt_handle for message in messages])
        moved += len(messages)
    return moved


def batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Bodies in groups that fit one SQS batch."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _call(action: Callable[[Any, Any], Any], given: Any, queue_url: str | None, unsent: int = 0, is_send: bool = False) -> Any:
    if not queue_url:
        raise QueueUnavailable("the address of the queue is not configured", unsent)
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return action(_client(os.getpid(), is_send, _endpoint(queue_url), _region(queue_url)), given)
    except (BotoCoreError, ClientError) as error:
        answer: Any = getattr(error, "response", None) or {}
        is_throttled = answer.get("Error", {}).get("Code", "").rpartition(".")[2] in _THROTTLES
        raise QueueUnavailable(f"the queue does not answer ({type(error).__name__})", unsent, is_throttled) from error


def prepare_to_send(queue_url: str) -> None:
    """Load what sending needs (300 ms, once a process), so that a bound on sending need not allow for it."""
    _client(os.getpid(), True, _endpoint(queue_url), _region(queue_url))


def let_go() -> None:
    """Let go of the connections at the interpreter's exit: urllib3's must not outlive the modules that they need."""
    _client.cache_clear()
    gc.collect()


def _endpoint(queue_url: str) -> str | None:
    """The server that a queue's own address names; None where AWS's tools know it: SQS itself, or one they were told of."""
    server = urlsplit(queue_url)
    host = server.hostname or ""
    is_known = any(name in os.environ for name in ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"))
    return None if is_known or host.endswith(_AWS_DOMAINS) else f"{server.scheme}://{server.netloc}"


def _region(queue_url: str) -> str | None:
    """Where the queue is, by its own address or by what Lambda sets; None where AWS's tools are to know it."""
    named = _IN_REGION.search(urlsplit(queue_url).hostname or "")
    return named[1] if named else os.environ.get("AWS_REGION")


@functools.cache
def _client(_pid: int, is_send: bool, endpoint_url: str | None, region: str | None) -> Any:
    # 300 ms of import, paid by the first use only; a client must not be shared with a forked child.
    import boto3
    from botocore.config import Config

    # An unreachable or hanging queue costs whoever asks it a few seconds, not botocore's minutes: the monitor is to tell of it.
    config = Config(
        connect_timeout=0.7,
        read_timeout=2 if is_send else 3,
        retries={"total_max_attempts": 2},
        max_pool_connections=32,
    )
    return boto3.client("sqs", config=config, endpoint_url=endpoint_url, region_name=region)
