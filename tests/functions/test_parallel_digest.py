"""Eight digests at once on the running system: exact while they are killed, each message comes twice, and the monitor flushes."""

import json
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import psutil
import psycopg2
import pytest

from callwatch.events.event import build_error_message, finish_event
from local.sqs.server import ACCOUNT, REGION
from local.system import System, running_system

MESSAGES = 900
GROUPS = 12
KILLS = 6
FUNCTION = "DigestErrors"
STORED = "SELECT count(*) FROM callwatch.error_logs WHERE project_id = 1"


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running_system(cycle_s=2, environ={"PARALLEL_DIGEST": "8"}) as found:
        yield found


@pytest.fixture(scope="module")
def queue(system: System) -> tuple[Any, str]:
    """Return a client and the address of the error queue; what a killed digest held comes back within seconds."""
    environ = next(_function_environments(system))
    endpoint = environ["AWS_ENDPOINT_URL_SQS"]
    client: Any = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="local",
    )
    url = f"{endpoint}/{ACCOUNT}/ErrorQueue"
    client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    return client, url


def _function_environments(system: System) -> Iterator[dict[str, str]]:
    for child in psutil.Process(system.pid).children(recursive=True):
        try:
            environ = child.environ()
        except psutil.Error:
            continue
        if "AWS_LAMBDA_FUNCTION_NAME" in environ:
            yield environ


def digest_processes(system: System) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(system.pid).children(recursive=True):
        try:
            if child.environ().get("AWS_LAMBDA_FUNCTION_NAME") == FUNCTION:
                found.append(child)
        except psutil.Error:
            continue
    return found


def query(system: System, sql: str) -> Any:
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def send_twice(client: Any, url: str) -> None:
    """Send each message twice, at different times."""
    now = datetime.now(UTC)
    bodies = [
        build_error_message(finish_event({"message": f"kind {n % GROUPS} failed", "type": f"Kind{n % GROUPS}"}, now), 1, now)
        for n in range(MESSAGES)
    ]
    for copy in (bodies, random.sample(bodies, len(bodies))):
        for start in range(0, len(copy), 10):
            entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(copy[start : start + 10])]
            client.send_message_batch(QueueUrl=url, Entries=cast("Any", entries))


def count_waiting(client: Any, url: str) -> int:
    """Count the messages of a queue, hidden ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(value) for value in client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def kill_some(system: System, is_over: threading.Event, killed: list[int]) -> None:
    while len(killed) < KILLS and not is_over.wait(0.7):
        for process in random.sample(found, 1) if (found := digest_processes(system)) else []:
            process.kill()
            killed.append(process.pid)


def test_counts_are_exact_through_kills_and_duplicates(system: System, queue: tuple[Any, str]) -> None:
    client, url = queue
    is_over, killed = threading.Event(), list[int]()
    killer = threading.Thread(target=kill_some, args=(system, is_over, killed))
    killer.start()
    started = time.monotonic()
    send_twice(client, url)

    def is_drained() -> bool:
        return count_waiting(client, url) == 0

    try:
        system.wait_until(lambda: query(system, STORED) == MESSAGES, 240)
        system.wait_until(lambda: len(killed) == KILLS or is_drained(), 60)
        # What a digest handed back is hidden for up to two minutes.
        system.wait_until(is_drained, 240, "an empty queue")
    finally:
        is_over.set()
        killer.join()
    flushed = query(
        system,
        "SELECT sum((step->'details'->>'received')::int) FROM callwatch.monitor_cycles, jsonb_array_elements(steps) AS step"
        " WHERE step->>'name' = 'flush'",
    )
    print(f"{2 * MESSAGES} messages, {len(killed)} kills, {flushed} received by the monitor, {time.monotonic() - started:.0f} s")
    assert killed
    for sql, expected in (
        (STORED, MESSAGES),
        ("SELECT sum(count) FROM callwatch.error_counts_hourly WHERE project_id = 1", MESSAGES),
        ("SELECT sum(count) FROM callwatch.error_counts_by_minute WHERE project_id = 1", MESSAGES),
        ("SELECT sum(count) FROM callwatch.error_counts_by_group WHERE project_id = 1", MESSAGES),
        ("SELECT sum(count) FROM callwatch.error_groups WHERE project_id = 1", MESSAGES),
        ("SELECT count(*) FROM callwatch.error_groups WHERE project_id = 1", GROUPS),
        ("SELECT count(*) FROM callwatch.error_groups WHERE project_id = 1 AND count = " + str(MESSAGES // GROUPS), GROUPS),
    ):
        assert query(system, sql) == expected, sql


def test_counts_are_exact_through_a_killed_database(system: System, queue: tuple[Any, str]) -> None:
    """The server dies while digests store, and is started again by its supervisor."""
    client, url = queue
    before = query(system, STORED)
    (postmaster,) = [
        process
        for process in psutil.Process(system.pid).children(recursive=True)
        if process.name() == "postgres" and process.ppid() == system.pid
    ]
    send_twice(client, url)
    system.wait_until(lambda: query(system, STORED) > before, 120)
    postmaster.kill()

    def is_stored() -> bool:
        try:
            return bool(query(system, STORED) == before + MESSAGES)
        except psycopg2.OperationalError:
            return False

    system.wait_until(is_stored, 240, "each message to be stored")
    system.wait_until(lambda: count_waiting(client, url) == 0, 240, "an empty queue")
    assert count_waiting(client, url.replace("ErrorQueue", "DeadLetterQueue")) == 0
    for table in ("error_counts_hourly", "error_counts_by_minute", "error_counts_by_group", "error_groups"):
        counted = query(system, f"SELECT sum(count) FROM callwatch.{table} WHERE project_id = 1")
        assert counted == before + MESSAGES, table


def test_digests_use_one_connection_each(system: System) -> None:
    log = (system.data_dir / "logs" / f"{FUNCTION}.log").read_text()
    assert "PoolExhausted" not in log
    connections = query(
        system,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%igest%rrors%'",
    )
    assert connections <= 8


def test_poison_becomes_a_dead_letter_with_its_reason(system: System, queue: tuple[Any, str]) -> None:
    client, url = queue
    client.send_message(QueueUrl=url, MessageBody=json.dumps({"v": 9}))
    dead = url.replace("ErrorQueue", "DeadLetterQueue")

    def receive() -> list[Any]:
        found: list[Any] = client.receive_message(QueueUrl=dead, MessageAttributeNames=["reason"]).get("Messages", [])
        return found

    (letter,) = system.wait_until(receive, what="the dead letter")
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "unknown message version 9"
