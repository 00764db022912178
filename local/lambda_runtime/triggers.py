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
# Lambda polls with the longest wait that SQS allows.
_WAIT_S = 20


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
                self._workers.invoke(self._function, self._event())
            except (FunctionFailed, FunctionTimedOut) as failure:
                # A stop of the system ends the current run; that needs no report.
                if not self.is_stopped.is_set():
                    self._say(f"{self._function} failed: {type(failure).__name__} {failure}")
            due = max(due + self._period_s, time.monotonic())

    def _event(self) -> bytes:
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
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(10, self._source.batch_size),
            WaitTimeSeconds=_WAIT_S,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
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
        if done:
            entries = [{"Id": str(index), "ReceiptHandle": m["ReceiptHandle"]} for index, m in enumerate(done)]
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)

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
