"""The local queue as boto3 sees it, and after the death of its process."""

import os
import signal
import socket
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

from callwatch import sqs as queue
from callwatch.exceptions import QueueUnavailable
from local.processes import find_free_port
from local.sqs import server as local_queue


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[local_queue.RunningQueue]:
    server = local_queue.start(tmp_path / "data dir")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.endpoint_url)
    # A session of an earlier test would keep its access key.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    queue._make_client.cache_clear()
    yield server
    server.stop()
    queue._make_client.cache_clear()


@pytest.fixture
def sqs(running: local_queue.RunningQueue) -> Any:
    return boto3.client("sqs", endpoint_url=running.endpoint_url)


@pytest.fixture
def url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="errors", Attributes={"VisibilityTimeout": "1"})["QueueUrl"])


def test_message_is_hidden_until_timeout_and_then_deleted(url: str) -> None:
    queue.send(url, [f"message {number} ü" for number in range(25)])
    assert queue.estimate_count(url) == 25
    first = [message for _ in range(3) for message in queue.receive(url)]
    assert sorted(message.body for message in first) == sorted(f"message {number} ü" for number in range(25))
    assert queue.receive(url) == []
    queue.delete(url, [message.receipt_handle for message in first[:24]])
    time.sleep(1.05)
    again = queue.receive(url)
    assert [message.message_id for message in again] == [first[24].message_id]
    assert again[0].receive_count == 2


def test_released_messages_are_received_again_at_once(sqs: Any) -> None:
    url = str(sqs.create_queue(QueueName="slow", Attributes={"VisibilityTimeout": "120"})["QueueUrl"])
    queue.send(url, [f"message {number}" for number in range(25)])
    first = [message for _ in range(3) for message in queue.receive(url)]
    assert queue.receive(url) == []
    queue.release(url, [message.receipt_handle for message in first[:24]])
    again = [message for _ in range(3) for message in queue.receive(url)]
    assert {message.message_id for message in again} == {message.message_id for message in first[:24]}


def test_a_port_that_is_taken_meanwhile_costs_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = [int(taken.getsockname()[1]), find_free_port()]
        monkeypatch.setattr("local.processes.find_free_port", lambda _preferred: found.pop(0))
        server = local_queue.start(tmp_path / "queue")
    try:
        assert local_queue._answers(server.endpoint_url)
        assert found == []
    finally:
        server.stop()


def test_an_outdated_receipt_deletes_nothing(url: str) -> None:
    queue.send(url, ["one"])
    old = queue.receive(url)[0]
    time.sleep(1.05)
    new = queue.receive(url)[0]
    queue.delete(url, [old.receipt_handle])
    assert queue.estimate_count(url) == 1
    queue.delete(url, [new.receipt_handle])
    assert queue.estimate_count(url) == 0


def test_messages_survive_a_kill_of_the_server(running: local_queue.RunningQueue, url: str, tmp_path: Path) -> None:
    queue.send(url, [str(number) for number in range(100)])
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    again = local_queue.start(tmp_path / "data dir", access_key=running.access_key)
    assert again.endpoint_url == running.endpoint_url, "the port stays, so that addresses stay"
    assert queue.estimate_count(url) == 100
    again.stop()


def test_leftover_server_is_ended_but_not_a_stranger(tmp_path: Path) -> None:
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
    queue.move_to_dead_letters(dead, "poison", "unknown version 9")
    assert queue.receive(dead)[0].reason == "unknown version 9"
    assert queue.redrive(dead, url, 100) == 1
    assert [message.body for message in queue.receive(url)] == ["poison"]
    assert queue.estimate_count(dead) == 0


@pytest.mark.parametrize("reason", ["nul \x00", "half \ud800", "end \uffff", "smile \U0001f600", "\x0b" * 5_000, ""])
def test_a_dead_letter_takes_a_reason_of_any_text(reason: str, sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    queue.move_to_dead_letters(dead, "poison", reason)
    found = queue.receive(dead)[0].reason
    refused = "\x00\x0b\ud800\uffff"
    expected = "".join("?" if sign in refused else sign for sign in reason[:1_000])
    assert found == (expected or "unknown")


def test_a_waiting_receiver_gets_a_message_as_soon_as_it_is_sent(sqs: Any, url: str) -> None:
    threading.Timer(0.3, lambda: queue.send(url, ["late"])).start()
    started = time.monotonic()
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert [message["Body"] for message in found] == ["late"]
    assert time.monotonic() - started < 15


def test_queue_says_how_long_its_receivers_wait(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="patient", Attributes={"ReceiveMessageWaitTimeSeconds": "10"})["QueueUrl"]
    threading.Timer(0.5, lambda: queue.send(url, ["late"])).start()
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["late"]
    started = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    assert time.monotonic() - started < 9


def test_batches_keep_to_the_limits_of_sqs() -> None:
    assert [len(batch) for batch in queue.split_batches(["x"] * 23)] == [10, 10, 3]
    assert [len(batch) for batch in queue.split_batches(["y" * 400_000] * 5)] == [2, 2, 1]


def test_refusals_have_the_names_that_boto3_knows(sqs: Any, url: str) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=url + "x")
    with pytest.raises(ClientError, match="BatchRequestTooLong"):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_100_000)


def test_foreign_queue_server_is_reached_at_its_own_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    queue.send(url, ["hello"])
    assert [message.body for message in queue.receive(url)] == ["hello"]


@pytest.mark.parametrize("host", ["sqs.eu-west-1.amazonaws.com", "sqs.cn-north-1.amazonaws.com.cn", "sqs.us-east-1.api.aws"])
def test_queues_of_amazon_are_left_to_its_own_tools(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert queue._find_endpoint(f"https://{host}/123456789012/ErrorQueue") is None
    assert queue._find_endpoint("https://not-amazonaws.com:9324/1/ErrorQueue") == "https://not-amazonaws.com:9324"


def test_template_queues_exist_before_the_first_request(tmp_path: Path) -> None:
    port = find_free_port(20_000)
    command = [sys.executable, "-m", "local.sqs.server", "--data-dir", str(tmp_path / "new"), "--port", str(port)]
    process = subprocess.Popen([*command, "--template", "template.yaml"])
    try:
        deadline = time.monotonic() + 30
        while not (is_up := local_queue._answers(f"http://127.0.0.1:{port}")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert is_up
        key = local_queue.read_access_key(tmp_path / "new")
        sqs = boto3.client("sqs", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id=key, aws_secret_access_key="x")
        found = sqs.list_queues()["QueueUrls"]
        assert {address.rpartition("/")[2] for address in found} >= {"ErrorQueue", "CriticalQueue", "DeadLetterQueue"}
    finally:
        process.terminate()
        process.wait(30)


def test_missing_queue_is_one_clear_error_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    queue._make_client.cache_clear()
    started = time.monotonic()
    with pytest.raises(QueueUnavailable) as failure:
        queue.send("http://127.0.0.1:1/0/x", ["a", "b"])
    assert failure.value.unsent == 2
    assert time.monotonic() - started < 20
    queue._make_client.cache_clear()
    with pytest.raises(QueueUnavailable, match="not configured"):
        queue.send(None, ["a"])
