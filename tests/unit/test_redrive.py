"""`make redrive` says in one line what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from local.sqs import server as local_queue
from local.sqs.queue_file import append_messages
from local.system import ROOT


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.redrive", *arguments]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.", "DATA_DIR": str(data_dir)}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_without_a_running_system_it_says_what_to_start(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "make run" in done.stderr


def test_a_queue_that_is_gone_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "queue.port").write_text("1")
    (tmp_path / "queue.key").write_text("0" * 32)
    done = run(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the queue does not respond" in done.stderr


@pytest.mark.parametrize("limit", ["0", "10001", "many"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limit: str) -> None:
    assert run(tmp_path, "--limit", limit).returncode == 2


def test_help_tells_about_deployed_systems(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "--function" in done.stdout


def test_set_aside_messages_go_back_to_their_queues(tmp_path: Path) -> None:
    server = local_queue.start(tmp_path / "data")
    try:
        sqs = boto3.Session(server.access_key, "x", region_name="us-east-1").client("sqs", endpoint_url=server.endpoint_url)
        for name in ("ErrorQueue", "CriticalQueue"):
            sqs.create_queue(QueueName=name)
        file = tmp_path / "expired.jsonl"
        append_messages(file, [("ErrorQueue", "1", "a", "{}", 1.0), ("CriticalQueue", "2", "b", "{}", 2.0)])
        done = run(tmp_path / "data", "--file", str(file))
        assert (done.returncode, done.stdout) == (0, f"2 messages sent; remove {file} now\n")
        for name, body in (("ErrorQueue", "a"), ("CriticalQueue", "b")):
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            assert [found["Body"] for found in sqs.receive_message(QueueUrl=url)["Messages"]] == [body]
        file.write_text(file.read_text() + "{}\n")
        done = run(tmp_path / "data", "--file", str(file))
        assert (done.returncode, done.stderr) == (1, f"redrive: {file}, line 3 is no message\n")
    finally:
        server.stop()
