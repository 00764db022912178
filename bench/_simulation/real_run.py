"""The same course at 1/50 scale on the local system: its queue server, event source and functions, and a durable PostgreSQL.

Divided by 50 are the hour, the outage, the monitor's cycle and the rate. Not divided is what the product does by itself: the
window, the batch, the waits, the pauses, the timeouts. The model is given the same, so that both play the same course.
"""

import contextlib
import os
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import psycopg2

from bench._simulation.costs import Costs
from bench._simulation.model import Sample, Scenario
from bench._simulation.parameters import Parameters, read_parameters
from bench.digest import build_messages
from callwatch import sqs
from callwatch.settings import reset_settings
from local.postgres import server as postgres
from local.sqs.server import ACCOUNT, read_access_key
from local.system import System, running_system

SCALE = 50
# Until everything is stored; what a killed receiver held returns after four minutes.
_PATIENCE_S = 260.0
_TICK_S = 0.1
_QUEUE = "ErrorQueue"
_OLDEST = "SELECT count(*), min(sent_at) FROM messages WHERE queue = ?"
_STEPS = """
    SELECT duration_ms - (jsonb_path_query_first(steps, '$[*] ? (@.name == "flush").duration_ms') #>> '{}')::float
    FROM callwatch.monitor_cycles
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM callwatch.error_logs WHERE project_id = 1),
           (SELECT coalesce(sum(count), 0)::int FROM callwatch.error_groups WHERE project_id = 1),
           (SELECT coalesce(sum(count), 0)::int FROM callwatch.error_counts_hourly WHERE project_id = 1)
"""


@dataclass(slots=True)
class RealRun:
    """What was seen. stored, in_groups, in_counters: of the sent messages. dead: dead letters. Times from the beginning."""

    sent: int
    samples: list[Sample] = field(default_factory=list)
    down_s: float = 0.0
    up_s: float = 0.0
    recovered_s: float | None = None
    stored: int = 0
    in_groups: int = 0
    in_counters: int = 0
    dead: int = 0
    other_steps_s: float = 0.0
    most_receives: int = 0

    def is_exact(self) -> bool:
        """Whether each message was stored once and counted once."""
        return self.dead == 0 and self.stored == self.in_groups == self.in_counters == self.sent


def scale_down(rate: float) -> Scenario:
    """Return the hour with its outage, divided by the scale."""
    whole = Scenario(rate)
    return replace(
        whole, rate=rate / SCALE, sent_s=whole.sent_s / SCALE, down_s=whole.down_s / SCALE, up_s=whole.up_s / SCALE, ends_s=0.0
    )


def adapt_parameters(digests: int, costs: Costs, run: RealRun) -> Parameters:
    """Return what the local system runs with: its own poller, its queue's speed, a core for each process."""
    found = read_parameters(digests)
    return replace(
        found,
        monitor_mb=max(found.monitor_mb, 1_769),
        digest_mb=max(found.digest_mb, 1_769),
        cycle_s=found.cycle_s / SCALE,
        call_s=costs.local_call_us / 1e6,
        receive_most=sqs.BATCH_MESSAGES,
        other_steps_s=run.other_steps_s,
    )


def play_for_real(scenario: Scenario, digests: int) -> RealRun:
    """Run the scenario on a system of its own, until all is stored."""
    bodies = build_messages(round(scenario.rate * scenario.sent_s), 1)
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder)
    environ = {"DATABASE_URL": server.dsn, "PARALLEL_DIGEST": str(digests)}
    cycle_s = read_parameters(digests).cycle_s / SCALE
    try:
        with running_system(cycle_s, environ=environ) as system, _use_queue(system) as url:
            # The first cycle and the first digests start their processes.
            sqs.send(url, build_messages(10, 2))
            system.wait_until(lambda: _ask_queue(system)[0] == 0, 60, "an empty queue")
            run = RealRun(len(bodies))
            sender = threading.Thread(target=_send, args=(url, bodies, scenario.rate), daemon=True)
            began = time.time()
            sender.start()
            _watch(system, server, scenario, run, began)
            sender.join()
            run.dead = _ask_queue(system, "DeadLetterQueue")[0]
            with psycopg2.connect(server.dsn) as conn, conn.cursor() as cursor:
                cursor.execute(_COUNTS)
                run.stored, run.in_groups, run.in_counters = (int(count) - 10 for count in cursor.fetchone() or (0, 0, 0))
                cursor.execute(_STEPS)
                run.other_steps_s = statistics.median(row[0] for row in cursor.fetchall()) / 1000
            conn.close()
            return run
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _use_queue(system: System) -> Iterator[str]:
    """Point the queue's client to the system's own queue; yield the address of the error queue."""
    endpoint = f"http://127.0.0.1:{(system.data_dir / 'queue.port').read_text().strip()}"
    keys = {"AWS_ACCESS_KEY_ID": read_access_key(system.data_dir), "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
    with patch.dict(os.environ, {**keys, "AWS_ENDPOINT_URL_SQS": endpoint}):
        reset_settings()
        sqs.release_connections()
        yield f"{endpoint}/{ACCOUNT}/{_QUEUE}"
        sqs.release_connections()
    reset_settings()


def _send(url: str, bodies: list[str], rate: float) -> None:
    began, sent = time.monotonic(), 0
    while sent < len(bodies):
        due = min(len(bodies), round((time.monotonic() - began) * rate))
        if due > sent:
            sqs.send(url, bodies[sent:due])
            sent = due
        time.sleep(_TICK_S)


def _watch(system: System, server: postgres.RunningPostgres, scenario: Scenario, run: RealRun, began: float) -> None:
    """Sample each second, stop the database and start it again, until all is stored."""
    while True:
        now_s = time.time() - began
        backlog, oldest_at, receives = _ask_queue(system)
        run.most_receives = max(run.most_receives, receives)
        run.samples.append(Sample(now_s, backlog, 0.0 if oldest_at is None else began + now_s - oldest_at, 0))
        if run.up_s and run.recovered_s is None and (oldest_at is None or oldest_at >= began + run.up_s):
            run.recovered_s = now_s - run.up_s
        if (now_s > scenario.sent_s and backlog == 0) or now_s > scenario.sent_s + _PATIENCE_S:
            return
        if not run.down_s and now_s >= scenario.down_s:
            # From the signal on it refuses connections and ends statements; its last checkpoint takes seconds.
            run.down_s = now_s
            server.stop()
        elif run.down_s and not run.up_s and now_s >= scenario.up_s:
            server.restart()
            run.up_s = time.time() - began
        time.sleep(max(0.0, min(1.0, began + now_s + 1 - time.time())))


def _ask_queue(system: System, queue: str = _QUEUE) -> tuple[int, float | None, int]:
    """Return how many messages a queue has, when the oldest was sent, and how often one was received, from the server's file."""
    path = f"file:{system.data_dir / 'queue.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True, timeout=5)) as db:
        count, oldest_at = db.execute(_OLDEST, (queue,)).fetchone()
        (receives,) = db.execute("SELECT coalesce(max(receive_count), 0) FROM messages WHERE queue = ?", (queue,)).fetchone()
    return int(count), oldest_at, int(receives)
