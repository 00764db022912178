"""SQS's operations in its JSON protocol: each maps a request to a response, on a QueueStore."""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from local.account import ACCOUNT, REGION
from local.sqs.clock import MAX_VISIBILITY_S
from local.sqs.queue_file import QueueDoesNotExist, StoredMessage
from local.sqs.store import QueueStore

MAX_BATCH_BYTES = 1_048_576
# Amazon SQS quotas by attribute: minimum and maximum.
_ATTRIBUTE_RANGES: Mapping[str, tuple[int, int]] = {
    "VisibilityTimeout": (0, MAX_VISIBILITY_S),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, MAX_BATCH_BYTES),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
}
_MAX_WAIT_S = 20
_MAX_DELAY_S = 900


class Refusal(Exception):
    """A request that SQS would reject: error type, status and message."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class Operations:
    """The operations on a store; no request can leave the store in an invalid state."""

    def __init__(self, store: QueueStore, endpoint_url: str) -> None:
        self._store = store
        self._endpoint_url = endpoint_url

    def call(self, operation: str, given: Any) -> dict[str, Any]:
        """Run one operation by its name. Raises Refusal."""
        method: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"do_{operation}", None)
        if method is None:
            raise Refusal("InvalidAction", f"the operation {operation} is not known here")
        if not isinstance(given, dict):
            raise Refusal("MalformedInput", "the request is not a JSON object")
        try:
            return method(given)
        except QueueDoesNotExist:
            raise Refusal("QueueDoesNotExist", "The specified queue does not exist.") from None
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Refusal("InvalidParameterValue", f"{type(error).__name__}: {error}") from None

    def do_CreateQueue(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _read_text(given, "QueueName")
        self._store.create(name, _read_attributes(given.get("Attributes")))
        return {"QueueUrl": self._build_url(name)}

    def do_GetQueueUrl(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _read_text(given, "QueueName")
        self._store.read_attributes(name)
        return {"QueueUrl": self._build_url(name)}

    def do_ListQueues(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"QueueUrls": [self._build_url(name) for name in self._store.list_names(given.get("QueueNamePrefix") or "")]}

    def do_GetQueueAttributes(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _read_name(given)
        wanted = given.get("AttributeNames") or []
        known = {**self._store.read_attributes(name), "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}
        return {"Attributes": {key: value for key, value in known.items() if key in wanted or "All" in wanted}}

    def do_SetQueueAttributes(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _read_name(given)
        self._store.read_attributes(name)
        self._store.create(name, _read_attributes(given["Attributes"]))
        return {}

    def do_PurgeQueue(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.purge(_read_name(given))
        return {}

    def do_SendMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        _check_size([given])
        # Everything is validated first: what is stored is acknowledged.
        receipt = _build_receipt(given)
        sent = self._store.send(_read_name(given), [_read_message(given)])
        return {**receipt, "MessageId": sent[0]}

    def do_SendMessageBatch(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        entries = _check_entries(given)
        _check_size(entries)
        receipts = [_build_receipt(entry) for entry in entries]
        sent = self._store.send(_read_name(given), [_read_message(entry) for entry in entries])
        successes = [
            {**receipt, "Id": entry["Id"], "MessageId": message_id}
            for entry, receipt, message_id in zip(entries, receipts, sent, strict=True)
        ]
        return {"Successful": successes, "Failed": []}

    def do_ReceiveMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = _read_name(given)
        max_messages = _read_number(given, "MaxNumberOfMessages", 1, 10, 1)
        visibility_s = _read_number(given, "VisibilityTimeout", 0, MAX_VISIBILITY_S, None)
        wait_s = _read_number(given, "WaitTimeSeconds", 0, _MAX_WAIT_S, self._store.read_default_wait_s(name))
        found = self._store.receive(name, max_messages or 1, visibility_s, wait_s or 0)
        return {"Messages": [_hand_out(message) for message in found]} if found else {}

    def do_DeleteMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._store.delete(_read_name(given), [_read_text(given, "ReceiptHandle")])
        return {}

    def do_DeleteMessageBatch(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        entries = _check_entries(given)
        self._store.delete(_read_name(given), [_read_text(entry, "ReceiptHandle") for entry in entries])
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    def do_ChangeMessageVisibility(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        visibility_s = _read_number(given, "VisibilityTimeout", 0, MAX_VISIBILITY_S, None)
        if visibility_s is None:
            raise Refusal("MissingParameter", "VisibilityTimeout is missing")
        self._store.change_visibility(_read_name(given), _read_text(given, "ReceiptHandle"), visibility_s)
        return {}

    def do_ChangeMessageVisibilityBatch(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        entries = _check_entries(given)
        for entry in entries:
            self.do_ChangeMessageVisibility({**entry, "QueueUrl": given.get("QueueUrl")})
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    def _build_url(self, name: str) -> str:
        return f"{self._endpoint_url}/{ACCOUNT}/{name}"


def _read_text(given: Mapping[str, Any], field: str) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not value:
        raise Refusal("InvalidParameterValue", f"{field} takes a text")
    # Text that cannot be encoded cannot be stored: reject it here, not in the middle of a transaction.
    value.encode()
    return value


def _read_number(given: Mapping[str, Any], field: str, least: int, most: int, default: int | None) -> int | None:
    value = given.get(field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refusal("InvalidParameterValue", f"{field} takes a whole number from {least} to {most}")
    return value


def _read_name(given: Mapping[str, Any]) -> str:
    return _read_text(given, "QueueUrl").rstrip("/").rpartition("/")[2]


def _read_attributes(given: Any) -> dict[str, str]:
    """Parse attributes of a queue such that every later operation can use them."""
    attributes: dict[str, str] = {}
    for name, value in dict(given or {}).items():
        if not isinstance(value, str):
            raise Refusal("InvalidAttributeValue", f"{name} takes a text")
        if name in _ATTRIBUTE_RANGES:
            least, most = _ATTRIBUTE_RANGES[name]
            if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
                raise Refusal("InvalidAttributeValue", f"{name} takes a whole number from {least} to {most}")
        elif name == "RedrivePolicy" and value:
            _check_redrive_policy(value)
        value.encode()
        attributes[name] = value
    return attributes


def _check_redrive_policy(value: str) -> None:
    policy = json.loads(value)
    max_receives, target = policy.get("maxReceiveCount"), policy.get("deadLetterTargetArn")
    if not str(max_receives).isdigit() or not 1 <= int(max_receives) <= 1_000 or not isinstance(target, str):
        raise Refusal("InvalidAttributeValue", "RedrivePolicy takes deadLetterTargetArn and maxReceiveCount from 1 to 1000")


def _read_message(given: Mapping[str, Any]) -> tuple[str, dict[str, Any], int | None]:
    delay_s = _read_number(given, "DelaySeconds", 0, _MAX_DELAY_S, None)
    return _read_text(given, "MessageBody"), dict(given.get("MessageAttributes") or {}), delay_s


def _check_entries(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = given.get("Entries") or []
    if not isinstance(entries, list) or not entries:
        raise Refusal("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > 10:
        raise Refusal("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
    if len({_read_text(entry, "Id") for entry in entries}) < len(entries):
        raise Refusal("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
    return entries


def _check_size(entries: list[dict[str, Any]]) -> None:
    size = sum(
        len(_read_text(entry, "MessageBody").encode()) + len(json.dumps(entry.get("MessageAttributes") or ""))
        for entry in entries
    )
    if size > MAX_BATCH_BYTES:
        raise Refusal("BatchRequestTooLong", f"The request is {size} bytes long, {MAX_BATCH_BYTES} are allowed.")


def _build_receipt(given: Mapping[str, Any]) -> dict[str, Any]:
    receipt = {"MD5OfMessageBody": _hash_md5(given["MessageBody"].encode())}
    if given.get("MessageAttributes"):
        receipt["MD5OfMessageAttributes"] = hash_attributes(given["MessageAttributes"])
    return receipt


def _hand_out(message: StoredMessage) -> dict[str, Any]:
    out: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": _hash_md5(message.body.encode()),
        "Attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(round(message.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(round(message.first_received_at * 1000)),
            "SenderId": ACCOUNT,
        },
    }
    if message.attributes:
        out["MessageAttributes"] = message.attributes
        out["MD5OfMessageAttributes"] = hash_attributes(message.attributes)
    return out


def hash_attributes(attributes: Mapping[str, Any]) -> str:
    """Return the MD5 of text attributes as the SQS developer guide defines: length-prefixed name, type, 1, value."""
    encoded = b""
    for name in sorted(attributes):
        kind, value = attributes[name]["DataType"], attributes[name]["StringValue"]
        encoded += _pack_text(name) + _pack_text(kind) + b"\x01" + _pack_text(value)
    return _hash_md5(encoded)


def _pack_text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">I", len(raw)) + raw


def _hash_md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
