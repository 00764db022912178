"""The local queue with wrong keys and wrong types: each is rejected, and the queue continues as before."""

import contextlib
import http.client
import itertools
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.sqs import server as local_queue
from local.sqs.operations import Operations, Refusal
from local.sqs.server import RunningQueue
from local.sqs.store import QueueStore

# One of each JSON type, and some that look almost right.
_WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, float("nan"), float("inf"), 10**30, "", "x", "1.x", "\x00", "\ud800", "9" * 5000, [],
    [1], {}, {"a": 1},
)  # fmt: skip
_FIELDS = {
    "CreateQueue": ("QueueName", "Attributes"),
    "GetQueueUrl": ("QueueName",),
    "ListQueues": ("QueueNamePrefix",),
    "GetQueueAttributes": ("QueueUrl", "AttributeNames"),
    "SetQueueAttributes": ("QueueUrl", "Attributes"),
    "SendMessage": ("QueueUrl", "MessageBody", "MessageAttributes", "DelaySeconds"),
    "SendMessageBatch": ("QueueUrl", "Entries"),
    "ReceiveMessage": ("QueueUrl", "MaxNumberOfMessages", "VisibilityTimeout"),
    "DeleteMessage": ("QueueUrl", "ReceiptHandle"),
    "DeleteMessageBatch": ("QueueUrl", "Entries"),
    "ChangeMessageVisibility": ("QueueUrl", "ReceiptHandle", "VisibilityTimeout"),
    "ChangeMessageVisibilityBatch": ("QueueUrl", "Entries"),
    "NoSuchOperation": (),
}
_ATTRIBUTES = ("VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy")
URL = "http://x/0/errors"


def build_right(operation: str) -> dict[str, Any]:
    entry = {"Id": "1", "MessageBody": "b", "ReceiptHandle": "1.x", "VisibilityTimeout": 0}
    right = {
        "QueueName": "errors", "Attributes": {"VisibilityTimeout": "30"}, "QueueUrl": URL, "AttributeNames": ["All"],
        "MessageBody": "b", "Entries": [entry], "MaxNumberOfMessages": 1, "VisibilityTimeout": 0, "ReceiptHandle": "1.x",
    }  # fmt: skip
    return {field: right[field] for field in _FIELDS[operation] if field in right}


def build_requests() -> Iterator[tuple[str, Any]]:
    """Build every operation with every field, every entry field, and every attribute set to every wrong value."""
    for operation, wrong in itertools.product(_FIELDS, _WRONG):
        yield operation, wrong
        for field in _FIELDS[operation]:
            yield operation, {**build_right(operation), field: wrong}
            yield operation, {name: value for name, value in build_right(operation).items() if name != field}
            if field == "Entries":
                for name in ("Id", "MessageBody", "ReceiptHandle", "MessageAttributes", "DelaySeconds", "VisibilityTimeout"):
                    yield operation, {**build_right(operation), field: [{**build_right(operation)[field][0], name: wrong}]}
            if field == "Attributes":
                for name in _ATTRIBUTES:
                    yield operation, {**build_right(operation), field: {name: wrong}}
        for kind in ({"DataType": wrong, "StringValue": "x"}, {"DataType": "String", "StringValue": wrong}, wrong):
            if operation == "SendMessage":
                yield operation, {**build_right(operation), "MessageAttributes": {"reason": kind}}


def test_no_wrong_value_wedges_the_queue(tmp_path: Path) -> None:
    operations = Operations(QueueStore(tmp_path / "queue.sqlite3"), "http://x")
    operations.call("CreateQueue", {"QueueName": "errors"})
    requests = list(build_requests())
    assert len(requests) > 700
    for operation, given in requests:
        with contextlib.suppress(Refusal):
            json.dumps(operations.call(operation, given))
        operations.call("SetQueueAttributes", {"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "0", "RedrivePolicy": ""}})
        operations.call("PurgeQueue", {"QueueUrl": URL})
        operations.call("SetQueueAttributes", {"QueueUrl": URL, "Attributes": {"DelaySeconds": "0"}})
        sent = operations.call("SendMessage", {"QueueUrl": URL, "MessageBody": "healthy"})
        (found,) = operations.call("ReceiveMessage", {"QueueUrl": URL, "WaitTimeSeconds": 0})["Messages"]
        assert found["MessageId"] == sent["MessageId"], (operation, given)
        operations.call("DeleteMessage", {"QueueUrl": URL, "ReceiptHandle": found["ReceiptHandle"]})


def test_full_disk_refuses_and_later_goes_on(tmp_path: Path) -> None:
    store = QueueStore(tmp_path / "queue.sqlite3")
    operations = Operations(store, "http://x")
    operations.call("CreateQueue", {"QueueName": "errors"})
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        operations.call("SendMessage", {"QueueUrl": URL, "MessageBody": "x" * 100_000})
    store._db.execute("PRAGMA max_page_count = 1000000")
    operations.call("SendMessage", {"QueueUrl": URL, "MessageBody": "fits"})
    assert [found["Body"] for found in operations.call("ReceiveMessage", {"QueueUrl": URL})["Messages"]] == ["fits"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningQueue]:
    server = local_queue.start(tmp_path)
    yield server
    server.stop()


def post(server: RunningQueue, authorization: str | None, body: bytes = b"{}", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(server.endpoint_url.rpartition("/")[2], timeout=20)
    given = {"x-amz-target": "AmazonSQS.ListQueues", **({"authorization": authorization} if authorization else {}), **headers}
    connection.request("POST", "/", body, given)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_only_those_who_name_the_key_are_served(running: RunningQueue) -> None:
    right = f"AWS4-HMAC-SHA256 Credential={running.access_key}/20261129/us-east-1/sqs/aws4_request, Signature=x"
    assert post(running, right) == (200, {"QueueUrls": []})
    wrong = (None, "", "Bearer x", right.replace(running.access_key, "local"), right.replace(running.access_key, ""), "é" * 50)
    for authorization in wrong:
        status, body = post(running, authorization.encode().decode("latin-1") if authorization else None)
        assert (status, body["__type"]) == (403, "com.amazonaws.sqs#InvalidClientTokenId")


def test_key_is_new_with_each_start_and_for_its_owner(running: RunningQueue, tmp_path: Path) -> None:
    assert (tmp_path / "queue.key").stat().st_mode & 0o077 == 0
    assert local_queue.read_access_key(tmp_path) == running.access_key
    running.stop()
    again = local_queue.start(tmp_path)
    again.stop()
    assert again.access_key != running.access_key
    assert running.access_key not in " ".join(again.process.args if isinstance(again.process.args, list) else [])
    assert "LOCAL_QUEUE_ACCESS_KEY" not in os.environ


@pytest.mark.parametrize("length", ["-1", "x", "99999999999", "1e3", "٣"])
def test_odd_length_is_refused(running: RunningQueue, length: str) -> None:
    right = f"AWS4-HMAC-SHA256 Credential={running.access_key}/20261129/us-east-1/sqs/aws4_request"
    status, _body = post(running, right, b"", **{"content-length": length.encode().decode("latin-1")})
    assert status == 400
    assert post(running, right)[0] == 200
