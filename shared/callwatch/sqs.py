"""The durable buffer on SQS: send, receive, delete, count, dead-letter, redrive."""

import functools
import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from callwatch.aws.client import THROTTLES, Client, Timeouts, make_client
from callwatch.exceptions import AwsCallFailed, QueueUnavailable
from callwatch.models.reason import Reason

# Amazon SQS quotas: ten messages and 1 MiB in a batch. The margin leaves room for the attributes.
BATCH_MESSAGES = 10
BATCH_BYTES = 1_048_576
MESSAGE_BYTES = BATCH_BYTES - 4_096
# An unreachable or hanging queue costs its caller a few seconds: the monitor has to report it.
_SENDING, _RECEIVING = Timeouts(connect_s=0.7, read_s=2), Timeouts(connect_s=0.7, read_s=3)
MAX_REDRIVE = 10_000
# A short poll queries only some of the SQS servers and may find nothing although messages wait; a long poll of any length
# queries all of them. It stays below the client's read timeout.
_EMPTY_WAIT_S = 1
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
_MAX_ATTRIBUTE_CHARS = 1_000
_VISIBLE, _IN_FLIGHT = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
_WORKERS = 8


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message; `receive_count` includes this receive."""

    body: str
    receipt_handle: str
    message_id: str
    receive_count: int
    reason: str | None = None
    sent_at: datetime | None = None


def send(queue_url: str | None, bodies: Sequence[str]) -> None:
    """Put messages into the queue; returns when SQS has accepted all of them.

    Raises QueueUnavailable, whose `unsent` counts the messages at the end of `bodies` that were not accepted.
    """
    taken = 0
    for batch in split_batches(bodies):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(batch)]
        refused = len(bodies) - taken
        answer = _call(
            lambda sqs, rows: sqs.send_message_batch(QueueUrl=queue_url, Entries=rows), entries, queue_url, refused, True
        )
        if failed := answer.get("Failed"):
            is_passing = not any(each.get("SenderFault") for each in failed)
            raise QueueUnavailable(f"the queue refused {len(failed)} messages", refused, is_passing=is_passing)
        taken += len(batch)


def empty_wait_s(queue_url: str | None) -> int:
    """Return the wait after which no message found means an empty queue.

    A queue on this machine is one server, which sees all its messages in a short poll too.
    """
    return 0 if urlsplit(queue_url or "").hostname in _LOOPBACK_HOSTS else _EMPTY_WAIT_S


def receive(queue_url: str | None, max_messages: int = 10, wait_s: int = 0) -> list[QueueMessage]:
    """At most ten messages, hidden from other receivers for the queue's visibility timeout. Raises QueueUnavailable.

    An empty result means an empty queue only if `wait_s` is what `empty_wait_s` returns: then every SQS server was queried.
    """
    answer = _call(
        lambda sqs, most: sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            MessageAttributeNames=["reason"],
        ),
        min(max_messages, BATCH_MESSAGES),
        queue_url,
    )
    return [_parse_message(found) for found in answer.get("Messages", [])]


def _parse_message(found: Mapping[str, Any]) -> QueueMessage:
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
    """Delete received messages. Raises QueueUnavailable; messages that were not deleted are received again."""

    def delete_batch(batch: Sequence[str]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(batch)]
        _call(lambda sqs, given: sqs.delete_message_batch(QueueUrl=queue_url, Entries=given), entries, queue_url)

    _run_in_batches(delete_batch, receipt_handles)


def release(queue_url: str | None, receipt_handles: Sequence[str]) -> None:
    """Show received messages to the next receiver at once, as `hide` does."""
    hide(queue_url, receipt_handles, 0)


def hide(queue_url: str | None, receipt_handles: Sequence[str], for_s: int) -> None:
    """Hide received messages for this long from now on. Raises QueueUnavailable; the others return after the queue's visibility
    timeout.
    """

    def hide_batch(batch: Sequence[str]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": each, "VisibilityTimeout": for_s} for index, each in enumerate(batch)]
        _call(lambda sqs, given: sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=given), entries, queue_url)

    _run_in_batches(hide_batch, receipt_handles)


def _run_in_batches(action: Callable[[Sequence[str]], None], receipt_handles: Sequence[str]) -> None:
    rows = [receipt_handles[start : start + BATCH_MESSAGES] for start in range(0, len(receipt_handles), BATCH_MESSAGES)]
    if len(rows) < 2:
        for batch in rows:
            action(batch)
        return
    from concurrent.futures import ThreadPoolExecutor  # only who receives needs it

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(action, rows))


def move_to_dead_letters(queue_url: str | None, body: str, reason: str) -> None:
    """Move one message that cannot be digested into the dead-letter queue, with its reason. Raises QueueUnavailable."""
    attribute = {"reason": {"DataType": "String", "StringValue": _clean_attribute(reason) or "unknown"}}
    _call(
        lambda sqs, text: sqs.send_message(QueueUrl=queue_url, MessageBody=text, MessageAttributes=attribute),
        body,
        queue_url,
        1,
    )


def estimate_count(queue_url: str | None) -> int:
    """Messages in the queue (visible, in flight and delayed), as SQS estimates them. Raises QueueUnavailable."""
    return _sum_attributes(queue_url, [_VISIBLE, _IN_FLIGHT, "ApproximateNumberOfMessagesDelayed"])


def estimate_in_flight(queue_url: str | None) -> int:
    """Messages that some receiver holds, or that are hidden after a failure, as SQS estimates them. Raises QueueUnavailable."""
    return _sum_attributes(queue_url, [_IN_FLIGHT])


def _sum_attributes(queue_url: str | None, names: list[str]) -> int:
    answer = _call(lambda sqs, wanted: sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=wanted), names, queue_url)
    return sum(int(answer["Attributes"].get(name, 0)) for name in names)


def explain_unread(error: QueueUnavailable) -> Reason:
    """The reason in a response for a count that could not be read."""
    return Reason("timeout" if error.is_late else "unavailable", str(error))


def redrive(from_url: str | None, to_url: str | None, limit: int) -> int:
    """Move at most `limit` messages from one queue to another; returns how many. Raises QueueUnavailable.

    Each message is sent before it is deleted: a crash between the two duplicates it and loses nothing. Redriving stops when a
    long poll finds no message.
    """
    moved = 0
    while moved < limit:
        messages = receive(from_url, min(BATCH_MESSAGES, limit - moved), empty_wait_s(from_url))
        if not messages:
            break
        send(to_url, [message.body for message in messages])
        delete(from_url, [message.receipt_handle for message in messages])
        moved += len(messages)
    return moved


def split_batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Bodies in groups that each fit one SQS batch."""
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
        raise QueueUnavailable("the queue URL is not configured", unsent)
    try:
        return action(_make_client(os.getpid(), is_send, _find_endpoint(queue_url), _find_region(queue_url)), given)
    except AwsCallFailed as error:
        why = f"the queue does not respond ({error.reason})"
        is_throttled, is_late = error.reason in THROTTLES, error.reason == "timeout"
        raise QueueUnavailable(why, unsent, is_throttled, is_late, error.is_passing) from error


def prepare_to_send(queue_url: str) -> None:
    """Load what sending needs, so that a timeout for sending need not include it."""
    _make_client(os.getpid(), True, _find_endpoint(queue_url), _find_region(queue_url))


def release_connections() -> None:
    """Release the connections when the interpreter exits: they must not outlive the modules that they need."""
    _make_client.cache_clear()
    gc.collect()


def _find_endpoint(queue_url: str) -> str | None:
    """The server in the queue's URL; None if the AWS SDK finds it: Amazon SQS itself, or an endpoint configured for the SDK."""
    server = urlsplit(queue_url)
    host = server.hostname or ""
    is_known = any(name in os.environ for name in ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"))
    return None if is_known or host.endswith(_AWS_DOMAINS) else f"{server.scheme}://{server.netloc}"


def _find_region(queue_url: str) -> str | None:
    """The queue's region, from its URL or from what Lambda sets; None if the AWS SDK finds it."""
    service, _, rest = (urlsplit(queue_url).hostname or "").partition(".")
    region, _, domain = rest.partition(".")
    is_named = service in ("sqs", "sqs-fips") and domain.startswith(("amazonaws.com", "api."))
    return region if is_named else os.environ.get("AWS_REGION")


@functools.cache
def _make_client(_pid: int, is_send: bool, endpoint_url: str | None, region: str | None) -> Client:
    # A forked child must not share the connections.
    return make_client("sqs", _SENDING if is_send else _RECEIVING, endpoint_url, region)


def _clean_attribute(text: str) -> str:
    """The text with each character replaced that SQS does not take in an attribute; it would refuse the whole message.

    No expression: a class of characters beyond the first 65,536 takes 20 ms to compile, in each cold start.
    """
    return "".join(sign if _is_in_attributes(sign) else "?" for sign in text[:_MAX_ATTRIBUTE_CHARS])


def _is_in_attributes(sign: str) -> bool:
    return " " <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign >= "\U00010000" or sign in "\t\n\r"
