"""Measures what an event costs through the real queue client, and what each memory size of Lambda can therefore sustain.

The queue is the local SQS server in a process of its own, PostgreSQL is durable. CPU times hold on a busy machine, durations do
not. A vCPU of Lambda is taken to be as fast as a core of this machine.
"""

import functools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench._database import own_database
from bench.digest import build_messages
from callwatch import sqs
from callwatch.db import connection, fetch_one
from callwatch.digest.event_source import Attributes, Record, digest_records
from callwatch.digest.flush import flush
from callwatch.digest.unstored import UnstoredMessages
from callwatch.settings import reset_settings
from local.sqs import server as local_queue

EVENTS = 3_000
BATCH = 500
# AWS Lambda gives one vCPU for 1,769 MB, in proportion to the memory.
MB_PER_VCPU = 1_769
MEMORY_MB = (512, 1_024, 1_769, 3_538)
# The flush has 20 s of each minute (monitor/steps.py). Python code uses one core, whatever the number of vCPUs.
FLUSH_SHARE = 20 / 60
GOALS_US = {"flush": 250, "event source": 150}


def main() -> None:
    """Print CPU per event and the rates that follow from it."""
    with tempfile.TemporaryDirectory() as folder, own_database():
        server = local_queue.start(Path(folder))
        try:
            with make_queues(server) as url:
                report(measure(url))
        finally:
            server.stop()


@contextmanager
def make_queues(server: local_queue.RunningQueue) -> Iterator[str]:
    """Create the queues on the server and point the settings to them."""
    import boto3

    os.environ |= {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
    os.environ["AWS_ENDPOINT_URL_SQS"] = server.endpoint_url
    # A session of its own: the default one keeps the key of the first server.
    client = boto3.Session().client("sqs", region_name="us-east-1")
    for name in ("ERROR", "CRITICAL", "DEAD_LETTER"):
        os.environ[f"{name}_QUEUE_URL"] = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    reset_settings()
    yield os.environ["ERROR_QUEUE_URL"]
    sqs.release_connections()


def measure(url: str) -> dict[str, tuple[float, float, float]]:
    """Return CPU us of an event in our process, CPU us in PostgreSQL, and events a second here, by what was done."""
    found: dict[str, tuple[float, float, float]] = {}
    for name, groups in (("flush", 50), ("flush, each a new group", EVENTS)):
        found[name] = measure_flush(url, len(found), groups)
    for name, groups in (("event source", 50), ("event source, each a new group", EVENTS)):
        events = [
            json.dumps({"Records": batch}).encode() for batch in build_batches(build_messages(EVENTS, len(found), groups=groups))
        ]
        found[name] = measure_cost(functools.partial(invoke_all, events, url))
    return found


def measure_flush(url: str, round_number: int = 0, groups: int = 50) -> tuple[float, float, float]:
    """Return what `measure` returns of a flush."""
    sqs.send(url, build_messages(EVENTS, round_number, groups=groups))
    return measure_cost(lambda: drain(url))


def drain(url: str) -> None:
    """Flush until the queue is empty."""
    received = flush(datetime.now(UTC), 600, UnstoredMessages()).received
    assert (received, sqs.estimate_count(url)) == (EVENTS, 0)


def build_batches(bodies: list[str]) -> list[list[Record]]:
    """Build the records of an event source."""
    attributes: Attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(time.time() * 1000))}
    records = [
        Record(messageId=str(number), receiptHandle=str(number), body=body, attributes=attributes)
        for number, body in enumerate(bodies)
    ]
    return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]


def invoke_all(events: list[bytes], url: str) -> None:
    """Handle events from their bytes, as the runtime of Lambda does."""
    for raw in events:
        answer = digest_records(json.loads(raw)["Records"], url, None, datetime.now(UTC), 600)
        assert answer == {"batchItemFailures": []}


def measure_cost(work: Callable[[], None]) -> tuple[float, float, float]:
    """Return CPU us of an event here and in PostgreSQL, and events a second."""
    theirs, ours, began = read_server_cpu_s(), time.process_time(), time.perf_counter()
    work()
    took_s = time.perf_counter() - began
    return (time.process_time() - ours) / EVENTS * 1e6, (read_server_cpu_s() - theirs) / EVENTS * 1e6, EVENTS / took_s


def read_server_cpu_s() -> float:
    """Return the CPU seconds of all processes of the database server."""
    with connection() as conn:
        row = fetch_one(conn, "SELECT pg_backend_pid() AS pid")
    assert row
    postmaster = psutil.Process(row["pid"]).parent()
    assert postmaster
    total = 0.0
    for process in (postmaster, *postmaster.children()):
        used = process.cpu_times()
        total += used.user + used.system
        if process is postmaster:
            total += used.children_user + used.children_system
    return total


def report(found: dict[str, tuple[float, float, float]]) -> None:
    """Print the table, the goals and the rates by memory."""
    print(f"{EVENTS:,} events of 9 KB each{'':<12}ours us CPU   PostgreSQL us CPU   events/s here")
    for name, (ours, theirs, rate) in found.items():
        goal = f"   (goal {GOALS_US[name]})" if name in GOALS_US else ""
        print(f"{name:<36}{ours:>11.0f}{theirs:>20.0f}{rate:>16.0f}{goal}")
    for kind in ("flush", "event source"):
        usual, flood = (sum(found[name][:2]) for name in (kind, f"{kind}, each a new group"))
        print(f"{kind}: a flood of new groups runs at {usual / flood:.2f} of the usual rate by CPU (goal 0.7)")
    print(f"{'events/s that last by memory':<36}{''.join(f'{memory:>9,} MB' for memory in MEMORY_MB)}")
    for name, (ours, _theirs, _rate) in found.items():
        share = FLUSH_SHARE if name.startswith("flush") else 1.0
        rates = [min(1.0, memory / MB_PER_VCPU) / (ours / 1e6) * share for memory in MEMORY_MB]
        print(f"{name:<36}{''.join(f'{rate:>12,.0f}' for rate in rates)}")


if __name__ == "__main__":
    main()
