"""Ingest with its own queue and without a database: 200 only after the queue accepted the message, which is then there."""

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.lambda_runtime.workers import Workers
from local.sqs import server as local_queue
from local.sqs.server import RunningQueue
from tests.functions.test_sentry import envelope
from tests.unit.test_template import TEMPLATE
from tools.invoke import start_workers

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 16
INGEST = {"IngestEnvelope": "ingest_envelope", "IngestErrors": "ingest_errors", "IngestRequests": "ingest_requests"}
INGEST |= {"IngestAccess": "ingest_access"}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunningQueue]:
    server = local_queue.start(tmp_path)
    sqs = client(server)
    for name in ("ErrorQueue", "CriticalQueue"):
        sqs.create_queue(QueueName=name)
    yield server
    server.stop()


@pytest.fixture
def workers(tmp_path: Path, queue: RunningQueue) -> Iterator[Workers]:
    # Nothing listens there: a use of the database would fail.
    nowhere = {"url": "http://127.0.0.1:9", "database_url": "postgresql://nobody@127.0.0.1:9/nothing"}
    (tmp_path / "run.json").write_text(json.dumps(nowhere))
    with start_workers(tmp_path, {"INGEST_KEYS": f"1:{KEY}"}) as found:
        yield found


def client(server: RunningQueue) -> Any:
    return boto3.client(
        "sqs", "us-east-1", endpoint_url=server.endpoint_url, aws_access_key_id=server.access_key, aws_secret_access_key="local"
    )


def build_event(file: str, body: bytes, **headers: str) -> bytes:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{file}.json").read_text())
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    event["headers"] |= {"x-sentry-auth": f"Sentry sentry_key={KEY}", **headers}
    return json.dumps(event).encode()


def call(workers: Workers, name: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
    answer = json.loads(workers.invoke(name, build_event(INGEST[name], body)))
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def messages(server: RunningQueue) -> list[dict[str, Any]]:
    sqs, found = client(server), []
    for name in ("ErrorQueue", "CriticalQueue"):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in batch]
    return found


def test_accepted_is_queued_and_a_dead_queue_is_503(workers: Workers, queue: RunningQueue, tmp_path: Path) -> None:
    accepted = []
    for level in ("error", "fatal"):
        event_id = uuid.uuid4().hex
        status, body, _headers = call(workers, "IngestEnvelope", envelope({"message": "kept", "level": level}, event_id))
        assert (status, body) == (200, {"id": event_id})
        accepted.append(event_id)
    queue.stop()
    status, body, headers = call(workers, "IngestEnvelope", envelope({"message": "not taken"}))
    assert (status, body["error"]["code"]) == (503, "queue_unavailable")
    # With either header an SDK drops what it holds; without them it sends the next event at once.
    assert not {"retry-after", "x-sentry-rate-limits"} & set(headers)
    for name, item in (("IngestErrors", {"message": "x"}), ("IngestRequests", request_item()), ("IngestAccess", access_item())):
        status, body, headers = call(workers, name, json.dumps(item).encode())
        assert (status, body["error"]["code"]) == (503, "queue_unavailable")
        assert headers["retry-after"]
    again = local_queue.start(tmp_path, access_key=queue.access_key)
    try:
        status, body, _headers = call(workers, "IngestEnvelope", envelope({"message": "kept again"}))
        assert status == 200
        # Our own errors about the missing queue may be there too: project 0.
        kept = {message["event"]["event_id"] for message in messages(again) if message["project_id"] == 1}
        assert kept == {*accepted, body["id"]}
    finally:
        again.stop()


def test_ids_in_the_answer_are_those_in_the_queue(workers: Workers, queue: RunningQueue) -> None:
    given = [
        {"message": "a", "event_id": "C" * 32},
        {"message": "b", "severity": "CRITICAL"},
        {"message": ""},
        7,
        {"message": "c"},
    ]
    status, body, _headers = call(workers, "IngestErrors", json.dumps(given).encode())
    assert (status, body["accepted"], [item["index"] for item in body["rejected"]]) == (202, 3, [2, 3])
    sent = messages(queue)
    found = {message["event"]["event_id"] for message in sent if message["kind"] == "error"}
    assert set(body["ids"]) == found
    assert "c" * 32 in found
    assert [message["kind"] for message in sent if message["kind"] != "error"] == ["ingest_report"], "of the rejected ones"


def request_item() -> dict[str, Any]:
    return {"method": "get", "route": "/calls?x=1", "status_code": 200, "response_time_ms": 12.5}


def access_item() -> dict[str, Any]:
    return {"actor": "user:17", "subject_kind": "lead", "subject_id": "person zyx", "route": "GET /calls/{id}"}


def test_a_thousand_accesses_go_in_one_call(workers: Workers, queue: RunningQueue) -> None:
    status, body, _headers = call(workers, "IngestAccess", json.dumps([access_item()] * 1_000).encode())
    assert (status, body["accepted"], len(set(body["ids"]))) == (202, 1_000, 1_000)
    found = messages(queue)
    assert {row["record_id"] for message in found for row in message["access"]} == set(body["ids"])
    assert "zyx" not in json.dumps(found)
    assert "user:17" not in json.dumps(found)
    assert call(workers, "IngestAccess", json.dumps([access_item()] * 1_001).encode())[0] == 422


def test_a_thousand_requests_go_in_one_call(workers: Workers, queue: RunningQueue) -> None:
    status, body, _headers = call(workers, "IngestRequests", json.dumps([request_item()] * 1_000).encode())
    assert (status, body["accepted"], len(set(body["ids"]))) == (202, 1_000, 1_000)
    rows = [row for message in messages(queue) for row in message["requests"]]
    assert {(row["route"], row["method"]) for row in rows} == {("/calls", "GET")}
    assert {row["request_id"] for row in rows} == set(body["ids"])
    assert call(workers, "IngestRequests", json.dumps([request_item()] * 1_001).encode())[0] == 422


@pytest.mark.parametrize("name", sorted(INGEST))
def test_ingest_knows_no_database(name: str) -> None:
    variables = TEMPLATE["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {})
    assert not [variable for variable in variables if "DATABASE" in variable]
    script = f"import sys, {INGEST[name]}; print(sorted(sys.modules))"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"}
    # No compiled files stay next to the functions, which may be part of a deployment.
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    heavy = {"psycopg2", "callwatch.db", "pydantic", "boto3", "botocore.client", "requests", "brotli", "zstandard"}
    assert not [module for module in heavy if f"'{module}'" in done.stdout]
