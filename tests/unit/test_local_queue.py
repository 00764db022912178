"""The local queue as boto3 sees it, and through the death of its process."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from callwatch import queue
from callwatch.exceptions import QueueUnavailable
from local import queue as local_queue
from local.processes import free_port


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[local_queue.RunningQueue]:
    server = local_queue.start(tmp_path / "data dir")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.endpoint_url)
    queue._client.cache_clear()
    yield server
    server.stop()
    queue._client.cache_clear()


@pytest.fixture
def sqs(running: local_queue.RunningQueue) -> Any:
    return boto3.client("sqs", endpoint_url=running.endpoint_url)


@pytest.fixture
def url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="errors", Attributes={"VisibilityTimeout": "1"})["QueueUrl"])


def test_what_was_sent_is_received_once_until_its_time_is_over_and_gone_when_deleted(url: str) -> None:
    queue.send(url, [f"message {number} ü" for number in range(25)])
    assert queue.approximate_count(url) == 25
    first = [message for _ in range(3) for message in queue.receive(url)]
    assert sorted(message.body for message in first) == sorted(f"message {number} ü" for number in range(25))
    assert queue.receive(url) == []
    queue.delete(url, [message.receipt_handle for message in first[:24]])
    time.sleep(1.05)
    again = queue.receive(url)
    assert [message.message_id for message in again] == [first[24].message_id]
    assert again[0].receive_count == 2


def test_an_outdated_receipt_deletes_nothing(url: str) -> None:
    queue.send(url, ["one"])
    old = queue.receive(url)[0]
    time.sleep(1.05)
    new = queue.receive(url)[0]
    queue.delete(url, [old.receipt_handle])
    assert queue.approximate_count(url) == 1
    queue.delete(url, [new.receipt_handle])
    assert queue.approximate_count(url) == 0


def test_messages_survive_a_kill_of_the_server(running: local_queue.RunningQueue, url: str, tmp_path: Path) -> None:
    queue.send(url, [str(number) for number in range(100)])
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    again = local_queue.start(tmp_path / "data dir")
    assert again.endpoint_url == running.endpoint_url, "the port stays, so that addresses stay"
    assert queue.approximate_count(url) == 100
    again.stop()


def test_a_leftover_server_is_ended_and_a_stranger_with_its_pid_is_not(tmp_path: Path) -> None:
    leftover = local_queue.start(tmp_path)
    again = local_queue.start(tmp_path)
    assert leftover.process.wait(20) is not None
    again.stop()
    (tmp_path / "queue.pid").write_text(f"{os.getpid()} 1.0")
    local_queue.start(tmp_path).stop()
    assert psutil.Process(os.getpid()).is_running()


def test_too_many_receives_end_in_the_dead_letter_queue(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 2}}'
    url = sqs.create_queue(QueueName="main", Attributes={"VisibilityTimeout": "0", "RedrivePolicy": policy})["QueueUrl"]
    queue.send(url, ["poison"])
    assert [len(queue.receive(url)) for _ in range(3)] == [1, 1, 0]
    assert [message.body for message in queue.receive(dead)] == ["poison"]


def test_a_dead_letter_carries_its_reason_and_comes_back(sqs: Any, url: str) -> None:
    dead = sqs.create_queue(QueueName="dead", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    queue.dead_letter(dead, "poison", "unknown version 9")
    assert queue.receive(dead)[0].reason == "unknown version 9"
    assert queue.redrive(dead, url, 100) == 1
    assert [message.body for message in queue.receive(url)] == ["poison"]
    assert queue.approximate_count(dead) == 0


def test_a_waiting_receiver_gets_a_message_as_soon_as_it_is_sent(sqs: Any, url: str) -> None:
    threading.Timer(0.3, lambda: queue.send(url, ["late"])).start()
    started = time.monotonic()
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert [message["Body"] for message in found] == ["late"]
    assert time.monotonic() - started < 15


def test_batches_keep_to_the_limits_of_sqs() -> None:
    assert [len(batch) for batch in queue.batches(["x"] * 23)] == [10, 10, 3]
    assert [len(batch) for batch in queue.batches(["y" * 400_000] * 5)] == [2, 2, 1]


def test_refusals_have_the_names_that_boto3_knows(sqs: Any, url: str) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=url + "x")
    with pytest.raises(ClientError, match="BatchRequestTooLong"):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_100_000)


def test_a_queue_of_another_server_than_amazons_is_reached_at_its_own_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    queue.send(url, ["hello"])
    assert [message.body for message in queue.receive(url)] == ["hello"]


@pytest.mark.parametrize("host", ["sqs.eu-west-1.amazonaws.com", "sqs.cn-north-1.amazonaws.com.cn", "sqs.us-east-1.api.aws"])
def test_queues_of_amazon_are_left_to_its_own_tools(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert queue._endpoint(f"https://{host}/123456789012/ErrorQueue") is None
    assert queue._endpoint("https://not-amazonaws.com:9324/1/ErrorQueue") == "https://not-amazonaws.com:9324"


def test_the_queues_of_a_template_are_made_before_the_first_request(tmp_path: Path) -> None:
    port = free_port(20_000)
    command = [sys.executable, "-m", "local.queue", "--data-dir", str(tmp_path / "new"), "--port", str(port)]
    process = subprocess.Popen([*command, "--template", "template.yaml"])
    try:
        deadline = time.monotonic() + 30
        while not (is_up := local_queue._answers(f"http://127.0.0.1:{port}")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert is_up
        found = boto3.client("sqs", endpoint_url=f"http://127.0.0.1:{port}").list_queues()["QueueUrls"]
        assert {address.rpartition("/")[2] for address in found} >= {"ErrorQueue", "CriticalQueue", "DeadLetterQueue"}
    finally:
        process.terminate()
        process.wait(30)


def test_a_queue_that_is_not_there_is_one_clear_error_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    queue._client.cache_clear()
    started = time.monotonic()
    with pytest.raises(QueueUnavailable) as failure:
        queue.send("http://127.0.0.1:1/0/x", ["a", "b"])
    assert failure.value.unsent == 2
    assert time.monotonic() - started < 20
    queue._client.cache_clear()
    with pytest.raises(QueueUnavailable, match="not configured"):
        queue.send(None, ["a"])
