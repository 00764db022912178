"""Invokes functions apart from the API: the schedule, and queues with an event source."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.api_gateway.template import EventSource
from local.lambda_runtime.workers import FunctionFailed, FunctionTimedOut, Workers
from local.sqs.server import ACCOUNT, REGION

_RETRY_S = 1.0
# Lambda polls with the longest wait that SQS allows, and ends a batch at the size of an invocation's payload.
_WAIT_S = 20
_RECEIVE_AT_MOST = 10
_MAX_CHARACTERS = 6_000_000


class Trigger(threading.Thread):
    """A thread that runs until it is stopped."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.is_stopped = threading.Event()

    def stop(self) -> None:
        """Ask the thread to end after its current work."""
        self.is_stopped.set()


class Schedule(Trigger):
    """Invokes a function every `period_s`; a longer run delays the next one, and missed runs are not repeated."""

    def __init__(self, function: str, period_s: float, workers: Workers, say: Callable[[str], None]) -> None:
        super().__init__(f"schedule {function}")
        self._function, self._period_s, self._workers, self._say = function, period_s, workers, say
        self._woken = threading.Event()

    def run_now(self) -> None:
        """Invoke as soon as the current run ends, and restart the period then."""
        self._woken.set()

    def stop(self) -> None:
        """Ask the thread to end after its current work."""
        super().stop()
        self._woken.set()

    def run(self) -> None:
        """Invoke at once, then at the beginning of each period."""
        due = time.monotonic()
        while True:
            if self._woken.wait(max(0.0, due - time.monotonic())):
                self._woken.clear()
                due = time.monotonic()
            if self.is_stopped.is_set():
                return
            try:
                self._workers.invoke(self._function, self._build_event())
            except (FunctionFailed, FunctionTimedOut) as failure:
                # A stop of the system ends the current run; that needs no report.
                if not self.is_stopped.is_set():
                    self._say(f"{self._function} failed: {type(failure).__name__} {failure}")
            due = max(due + self._period_s, time.monotonic())

    def _build_event(self) -> bytes:
        event = {
            "version": "0",
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{self._function}"],
            "detail": "{}",
        }
        return json.dumps(event).encode()


class QueueTrigger(Trigger):
    """Polls a queue and invokes a function with its messages, as Lambda's event source does.

    Messages that the function did not report as failed are deleted; the others come again.
    """

    def __init__(self, source: EventSource, queue_url: str, sqs: Any, workers: Workers) -> None:
        super().__init__(f"queue {source.queue}")
        self._source, self._queue_url, self._sqs, self._workers = source, queue_url, sqs, workers

    def run(self) -> None:
        """Poll until stopped; a queue that does not answer is retried."""
        from botocore.exceptions import BotoCoreError, ClientError

        while not self.is_stopped.is_set():
            try:
                self._poll()
            except (BotoCoreError, ClientError):
                self.is_stopped.wait(_RETRY_S)

    def _poll(self) -> None:
        messages = self._gather()
        if not messages:
            return
        event = {"Records": [self._record(message) for message in messages]}
        try:
            result = json.loads(self._workers.invoke(self._source.function, json.dumps(event).encode()))
        except (FunctionFailed, FunctionTimedOut, ValueError):
            # All messages become visible again after their timeout.
            self.is_stopped.wait(_RETRY_S)
            return
        failed = {item["itemIdentifier"] for item in (result or {}).get("batchItemFailures", [])}
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _RECEIVE_AT_MOST):
            part = done[start : start + _RECEIVE_AT_MOST]
            entries = [{"Id": str(index), "ReceiptHandle": m["ReceiptHandle"]} for index, m in enumerate(part)]
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)

    def _gather(self) -> list[dict[str, Any]]:
        """Receive until the batch is full, or until nothing more came within the window."""
        messages = self._receive(self._source.batch_size, _WAIT_S)
        closes_at = time.monotonic() + self._source.window_s
        while messages and len(messages) < self._source.batch_size and not self.is_stopped.is_set():
            left_s = closes_at - time.monotonic()
            if left_s <= 0 or sum(len(message["Body"]) for message in messages) >= _MAX_CHARACTERS:
                break
            found = self._receive(self._source.batch_size - len(messages), min(_WAIT_S, int(left_s)))
            messages += found
            if not found:
                self.is_stopped.wait(_RETRY_S / 10)
        return messages

    def _receive(self, most: int, wait_s: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(_RECEIVE_AT_MOST, most),
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self._source.queue}",
            "awsRegion": REGION,
        }
