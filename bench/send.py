"""Measures one message of 8 KB through SQS on a local server: our client against boto3, sending and receiving with deleting."""

import functools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from callwatch.aws.client import Timeouts, make_client
from local.sqs import server as local_queue

BODY = "x" * 8_000
SENDS = 300
BATCHES = 40
ROUNDS = 5


def main() -> None:
    """Print the CPU time of this process in us, the least of several rounds, and the ratio to boto3."""
    with tempfile.TemporaryDirectory() as folder:
        server = local_queue.start(Path(folder))
        try:
            os.environ |= {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": "local"}
            clients: dict[str, Any] = {
                "boto3": boto3.client("sqs", endpoint_url=server.endpoint_url, region_name="us-east-1", config=Config()),
                "ours": make_client("sqs", Timeouts(2, 5), server.endpoint_url, "us-east-1"),
            }
            measure(clients)
        finally:
            server.stop()


def measure(clients: dict[str, Any]) -> None:
    """Measure the clients in turn, round by round, so that a busy machine disturbs both."""
    urls = {name: client.create_queue(QueueName=name)["QueueUrl"] for name, client in clients.items()}
    best = {(name, what): float("inf") for name in clients for what in ("send", "receive and delete")}
    for _ in range(ROUNDS):
        for name, client in clients.items():
            url = urls[name]
            best[name, "send"] = min(best[name, "send"], measure_cpu_us(functools.partial(send, client, url), SENDS))
            for _batch in range(BATCHES):
                client.send_message_batch(
                    QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": BODY} for number in range(10)]
                )
            key = (name, "receive and delete")
            best[key] = min(best[key], measure_cpu_us(functools.partial(drain, client, url), 10 * BATCHES + SENDS))
    for what in ("send", "receive and delete"):
        theirs, ours = best["boto3", what], best["ours", what]
        print(f"{what:<20} boto3 {theirs:>6.0f} us CPU a message   ours {ours:>6.0f} us   {ours / theirs:.2f} of boto3")


def send(client: Any, url: str) -> None:
    """Send messages one by one, as ingest does."""
    for _ in range(SENDS):
        client.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": BODY}])


def drain(client: Any, url: str) -> None:
    """Receive and delete in batches of ten until the queue is empty, as the flush does."""
    while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(found)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)


def measure_cpu_us(action: Callable[[], None], count: int) -> float:
    """Return the CPU time of this process for one of `count` messages."""
    started = time.process_time()
    action()
    return (time.process_time() - started) / count * 1e6


if __name__ == "__main__":
    main()
