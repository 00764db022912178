"""Faults under load: every accepted error is stored exactly once, and the counters agree."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.events.event import build_error_message, finish_event
from local.lambda_runtime.workers import Workers
from local.system import ROOT
from tests.chaos.site import Site
from tools.invoke import start_workers

long = pytest.mark.long
pytestmark = pytest.mark.timeout(600)


def message(environment: str, text: str, **fields: Any) -> str:
    now = datetime.now(UTC)
    return build_error_message(finish_event({"message": text, "environment": environment, **fields}, now), 1, now)


def kill_in_flush(site: Site, environment: str, moment: str) -> None:
    """Fill the queue, let a flush begin, and kill the monitor in its COPY, or between its commit and its delete."""
    with site.no_monitor():
        accepted = [event_id for _ in range(10) for event_id in site.send(environment, 100)]
        with site.writers_held(environment) as go_on:
            site.free_lease()
            site.system.wait_until(site.is_writer_held, 60, "a monitor amid its COPY")
            if moment == "in its COPY":
                assert site.kill("run_monitor") == 1
            else:
                # While the queue is stopped, nothing can be deleted from it.
                with site.queue_stopped():
                    go_on()
                    site.system.wait_until(lambda: site.stored(environment) > 0, 60, "its commit")
                    assert site.kill("run_monitor") == 1
            # Rows stored now whose messages are still in the queue will be delivered again.
            assert site.waiting() > 0
    site.wait_until_stored(environment, accepted)


@pytest.mark.parametrize("moment", ["in its COPY", "after its commit"])
def test_a_monitor_killed_in_its_flush_loses_and_doubles_nothing(site: Site, moment: str) -> None:
    kill_in_flush(site, f"kill {moment}", moment)


@long
def test_monitor_killed_during_flush_keeps_exact_counts(site: Site) -> None:
    for number in range(10):
        moment = ("in its COPY", "after its commit")[number % 2]
        kill_in_flush(site, f"kill {number}", moment)


@pytest.mark.parametrize("outage_s", [5, pytest.param(60, marks=long)])
def test_postgresql_outage_under_load_loses_nothing(site: Site, outage_s: int) -> None:
    environment = f"outage {outage_s}"
    with site.load(environment) as accepted, site.load(environment, 1, 0.5, severity="critical") as critical:
        time.sleep(1)
        site.stop_postgres()
        before = len(accepted)
        time.sleep(outage_s)
        assert len(accepted) > before, "ingest goes on"
        site.start_postgres()
        time.sleep(1)
    site.wait_until_stored(environment, accepted | critical, 120)


def test_every_message_delivered_twice_counts_once(site: Site) -> None:
    environment = "twice"
    with site.no_monitor():
        accepted = [event_id for _ in range(3) for event_id in site.send(environment, 70)]
        bodies = [found["Body"] for found in site.peek()]
        assert len(bodies) == len(accepted)
        site.put(bodies[::-1])
    site.wait_until_stored(environment, accepted)
    site.put(bodies)
    site.wait_until_stored(environment, accepted)
    critical = site.send(environment, 10, severity="critical")
    site.put([message(environment, "boom", severity="critical", event_id=event_id) for event_id in critical], "CriticalQueue")
    site.wait_until_stored(environment, accepted + critical)


def test_redelivery_during_storing_counts_once(site: Site) -> None:
    environment = "impatient"
    site.set_visibility(0)
    try:
        with site.no_monitor():
            accepted = [event_id for _ in range(4) for event_id in site.send(environment, 100)]
        site.system.wait_until(lambda: site.stored(environment) == len(accepted), 60, "all of them")
    finally:
        site.set_visibility(2)
    site.wait_until_stored(environment, accepted)


def redrive(site: Site) -> str:
    command = [sys.executable, "-m", "tools.redrive"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.", "DATA_DIR": str(site.system.data_dir)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_poison_message_waits_alone_and_returns_when_fixed(site: Site) -> None:
    environment = "poison"
    refused = "ALTER TABLE callwatch.error_logs ADD CONSTRAINT refused CHECK (message <> 'refuse me')"
    with site.no_monitor():
        site.sql(refused)
        accepted = site.send(environment, 99)
        site.put([message(environment, "refuse me", event_id="ab" * 16), '{"v": 1, "kind": "dance", "project_id": 1}'])
    site.wait_until_stored(environment, accepted)
    dead = site.system.wait_until(lambda: [m for m in [site.peek("DeadLetterQueue")] if len(m) == 2], what="two dead letters")[0]
    reasons = sorted(letter["MessageAttributes"]["reason"]["StringValue"] for letter in dead)
    assert "refused" in reasons[0]
    assert reasons[1] == "unknown kind 'dance'"

    site.sql("ALTER TABLE callwatch.error_logs DROP CONSTRAINT refused")
    assert redrive(site) == "2 dead letters moved back into the queue, 0 left\n"
    site.wait_until_stored(environment, [*accepted, "ab" * 16])
    site.system.wait_until(lambda: site.waiting("DeadLetterQueue") == 1, what="the one that is still poison")
    # The earlier copy and all dead letters once more: nothing counts twice.
    site.put([letter["Body"] for letter in dead])
    with start_workers(site.system.data_dir, {}) as workers:
        assert json.loads(workers.invoke("Redrive", b'{"limit": 10}'))["moved"] >= 1
    site.wait_until_stored(environment, [*accepted, "ab" * 16])
    purged = site.system.wait_until(lambda: site.waiting("DeadLetterQueue") >= 2, what="both again")
    assert purged
    site.sqs.purge_queue(QueueUrl=site.queue_url("DeadLetterQueue"))


@pytest.mark.parametrize("restarts", [3, pytest.param(30, marks=long)])
def test_function_restarts_under_load_keep_exact_counts(site: Site, restarts: int) -> None:
    environment = f"deploy {restarts}"
    with site.load(environment) as accepted:
        for _ in range(restarts):
            time.sleep(1.5)
            assert site.kill() > 0
            site.free_lease()
        before = len(accepted)
        site.system.wait_until(lambda: len(accepted) > before, 60, "ingest by new processes")
    site.wait_until_stored(environment, accepted)


@pytest.mark.parametrize("rounds", [3, pytest.param(30, marks=long)])
def test_two_monitors_at_once_count_nothing_twice(site: Site, rounds: int) -> None:
    environment = f"rivals {rounds}"
    answers: list[dict[str, Any]] = []

    def work(workers: Workers) -> None:
        answers.append(json.loads(workers.invoke("RunMonitor", b"{}")))

    system = site.system
    with (
        site.load(environment) as accepted,
        start_workers(system.data_dir, {}) as one,
        start_workers(system.data_dir, {}) as other,
    ):
        for _ in range(rounds):
            rivals = [threading.Thread(target=work, args=(workers,)) for workers in (one, other)]
            for rival in rivals:
                rival.start()
            for rival in rivals:
                rival.join(60)
    assert len(answers) == 2 * rounds
    assert any("skipped" in answer for answer in answers)
    site.wait_until_stored(environment, accepted)
