"""The processes of the local system: strangers, floods, kills and stops lose nothing that was accepted."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2
import pytest

from local import processes
from local.restart_alert import RULE_ID
from local.sqs.server import ACCOUNT, read_access_key
from local.system import System, running_system

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = Path(tempfile.mkdtemp(prefix="callwatch-processes-"))
    folder.chmod(0o755)
    with running_system(1, folder / "data") as found:
        # Messages of a killed process are redelivered after 5 s, not after two minutes.
        endpoint_url = f"http://127.0.0.1:{(found.data_dir / 'queue.port').read_text()}"
        session = boto3.Session(read_access_key(found.data_dir), "x", region_name="us-east-1")
        sqs = session.client("sqs", endpoint_url=endpoint_url)
        for name in ("ErrorQueue", "CriticalQueue"):
            sqs.set_queue_attributes(QueueUrl=f"{endpoint_url}/{ACCOUNT}/{name}", Attributes={"VisibilityTimeout": "5"})
        yield found
    shutil.rmtree(folder, ignore_errors=True)


def find_queue(system: System) -> psutil.Process:
    found = processes.find(processes.read_note(system.data_dir / "queue.pid"))
    assert found is not None
    return found


def find_postgres(system: System) -> psutil.Process:
    (found,) = [child for child in psutil.Process(system.pid).children() if child.name().startswith("postgres")]
    return found


def find_functions(system: System) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(system.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "awslambdaric" in child.cmdline():
                found.append(child)
    return found


@contextlib.contextmanager
def load(system: System, environment: str) -> Iterator[set[str]]:
    """Run two senders during the block; yield the accepted ids. Requests without a response are repeated."""
    accepted: set[str] = set()
    is_over = threading.Event()

    def send() -> None:
        while not is_over.wait(0.1):
            items = [{"message": f"boom {n}", "event_id": uuid.uuid4().hex, "environment": environment} for n in range(5)]
            for _attempt in range(100):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    status, body, _headers = system.call("POST", "/api/errors", system.ingest_key, items)
                    if status == 202:
                        accepted.update(body["ids"])
                        break
                time.sleep(0.2)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield accepted
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)


def read_stored(system: System, environment: str) -> Counter[str]:
    try:
        with contextlib.closing(psycopg2.connect(system.database_url)) as conn, conn.cursor() as cursor:
            cursor.execute(
                "SELECT replace(event_id::text, '-', '') FROM callwatch.error_logs WHERE environment = %s", (environment,)
            )
            return Counter(row[0] for row in cursor.fetchall())
    except psycopg2.OperationalError:
        return Counter()


def prove_nothing_lost(system: System, environment: str, accepted: set[str]) -> None:
    assert accepted
    system.wait_until(lambda: set(read_stored(system, environment)) >= accepted, 90, "everything that was accepted")
    stored = read_stored(system, environment)
    assert set(stored.values()) == {1}


@pytest.mark.parametrize(("name", "find"), [("the queue", find_queue), ("PostgreSQL", find_postgres)])
def test_killed_process_is_up_again_and_reported(own: System, name: str, find: Callable[[System], psutil.Process]) -> None:
    with load(own, f"kill {name}") as accepted:
        time.sleep(1)
        before = find(own)
        before.kill()
        own.wait_until(lambda: f"{name}: up again" in own.output.read_text(), 60, "the restart")
        time.sleep(2)
    assert find(own).pid != before.pid
    prove_nothing_lost(own, f"kill {name}", accepted)
    assert f"{name} ended (signal 9): it is started again" in own.output.read_text()
    (alert,) = own.wait_until(
        lambda: [found for found in read_alerts(own) if found["labels"] == {"service": name}], 30, "the alert"
    )
    assert (alert["state"], alert["level"]) == ("resolved", "warning")
    whole = own.get(f"/api/alerts/{alert['id']}")
    own.wait_until(
        lambda: {d["state"] for d in own.get(f"/api/alerts/{alert['id']}")["deliveries"]} == {"sent"}, 30, "its deliveries"
    )
    assert [entry["kind"] for entry in whole["timeline"]][:1] == ["firing"]


def read_alerts(system: System) -> list[dict[str, Any]]:
    status, body, _headers = system.call("GET", f"/api/alerts?rule_id={RULE_ID}")
    return list(body["items"]) if status == 200 else []


def test_every_function_killed_under_load_loses_nothing(own: System) -> None:
    with load(own, "kill functions") as accepted:
        for _round in range(4):
            time.sleep(1)
            for process in find_functions(own):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    prove_nothing_lost(own, "kill functions", accepted)


@pytest.mark.parametrize("target", ["queue", "postgres", "functions", "gateway"])
def test_stopped_process_goes_on_and_loses_nothing(own: System, target: str) -> None:
    with load(own, f"stop {target}") as accepted:
        time.sleep(1)
        stopped = {
            "queue": lambda: [find_queue(own)],
            "postgres": lambda: [find_postgres(own), *find_postgres(own).children()],
            "functions": lambda: find_functions(own),
            "gateway": lambda: [psutil.Process(own.pid)],
        }[target]()
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
        time.sleep(1)
    prove_nothing_lost(own, f"stop {target}", accepted)


def test_stranger_gets_nothing_from_any_inner_port(own: System) -> None:
    """Try every port of our processes without a secret; only the gateway responds."""
    family = [psutil.Process(own.pid), *psutil.Process(own.pid).children(recursive=True)]
    ports = set()
    for process in family:
        with contextlib.suppress(psutil.Error):
            ports |= {c.laddr.port for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    ports.discard(int(own.url.rpartition(":")[2]))
    # The queue, PostgreSQL, the webhook receiver, and a Runtime API for each function process.
    assert len(ports) >= 3 + len(find_functions(own)) - 1
    for port in ports:
        for request in (
            b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nx-amz-target: AmazonSQS.ListQueues\r\nContent-Length: 2\r\n\r\n{}",
        ):
            answer = b""
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
                connection.sendall(request)
                connection.settimeout(2)
                answer = connection.recv(65_536)
            assert b" 200 " not in answer.partition(b"\r\n")[0], (port, answer)
            assert b"Lambda-Runtime" not in answer
            assert own.admin_token.encode() not in answer


def test_queue_refuses_any_other_access_key(own: System) -> None:
    endpoint_url = f"http://127.0.0.1:{(own.data_dir / 'queue.port').read_text()}"
    for key in ("local", "testing", "0" * 32):
        sqs = boto3.Session(key, "x", region_name="us-east-1").client("sqs", endpoint_url=endpoint_url)
        with pytest.raises(sqs.exceptions.ClientError, match="InvalidClientTokenId"):
            sqs.receive_message(QueueUrl=f"{endpoint_url}/{ACCOUNT}/ErrorQueue")


def test_data_dir_and_its_files_are_closed_to_others(own: System) -> None:
    assert stat.S_IMODE(own.data_dir.stat().st_mode) == 0o700
    assert own.data_dir.stat().st_uid == os.geteuid()
    open_to_others = [path for path in own.data_dir.iterdir() if path.stat().st_mode & 0o077 and path.name != "run.log"]
    assert open_to_others == []


@pytest.mark.parametrize("token", [None, "a-token-that-nobody-knows"])
def test_flood_of_strangers_costs_the_admin_nothing(own: System, token: str | None) -> None:
    is_over = threading.Event()
    statuses: Counter[int] = Counter()
    port = int(own.url.rpartition(":")[2])

    def flood() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        while not is_over.is_set():
            connection.request("GET", "/api/errors", headers=headers)
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1

    threads = [threading.Thread(target=flood) for _ in range(20)]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 120
        answers: list[int] = []
        while (sum(statuses.values()) < 2_000 or len(answers) < 40) and time.monotonic() < deadline:
            answers.append(own.call("GET", "/api/errors")[0])
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)
    assert len(answers) >= 40
    assert set(answers) == {200}
    assert set(statuses) == {401, 429}
    if token:
        reported = own.wait_until(
            lambda: [g for g in own.get("/api/errors?project=0")["items"] if g["type"] == "SignInsFailed"], 40, "the report"
        )
        assert reported[0]["category"] == "authentication"


def test_429_of_a_stranger_is_ours_and_says_when(own: System) -> None:
    for _attempt in range(2_000):
        status, body, headers = own.call("GET", "/api/status", None)
        if status == 429:
            break
    assert status == 429
    assert body["error"]["code"] == "rate_limited"
    assert int(headers["retry-after"]) >= 1
    assert json.dumps(body).count("127.0.0.1") == 0
