"""Crashes and outages of a digest that stores payloads in objects: one row and one readable payload each, nothing lost."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callwatch import sqs
from callwatch.db import connection
from callwatch.db.core import retry
from callwatch.digest import flush, store
from callwatch.digest.event_source import Record, digest_records
from callwatch.digest.store import digest
from callwatch.digest.unstored import UnstoredMessages
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import FilesUnavailable
from callwatch.models.reason import Reason
from callwatch.monitor import steps
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.state import MonitorState
from callwatch.payloads import objects
from callwatch.payloads.objects import sweep_objects
from callwatch.reports.groups.error_groups import load_group_detail
from local.system import ROOT
from tests.support.fake_queue import FakeQueue
from tests.support.payload_store import list_archived, list_objects, list_stored, query

NOW = datetime.now(UTC)
# A digest that kills itself right before or right after it commits.
SCRIPT = """
import os, signal, sys
from datetime import datetime
from callwatch.digest import store
commit = store._commit_errors
def die(errors, now):
    if sys.argv[1] == "after":
        commit(errors, now)
    os.kill(os.getpid(), signal.SIGKILL)
store._commit_errors = die
store.digest(sys.stdin.read().split("\\n"), datetime.fromisoformat(sys.argv[2]))
"""


def make_messages(count: int) -> list[str]:
    return [build_error_message(finish_event({"message": f"boom {number}", "type": "A"}, NOW), 1, NOW) for number in range(count)]


def sweep(folder: Path) -> int:
    with connection() as conn:
        swept = sweep_objects(conn, str(folder))
        conn.commit()
    return swept


def check_each_once(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that every event has one row, one line in all objects, and a payload that can be read."""
    monkeypatch.setattr(objects, "SAFE_AGE", objects.SAFE_AGE * 0)
    while sweep(folder):
        pass
    assert len(list_stored()) == count
    assert list_archived(folder) == list_stored()
    (counted,) = query("SELECT sum(count)::int AS n FROM callwatch.error_counts_hourly")
    assert counted["n"] == count
    (group,) = query("SELECT id FROM callwatch.error_groups")
    with connection() as conn:
        unread: dict[str, Reason] = {}
        found = load_group_detail(conn, str(group["id"]), NOW, 90, unread)
    assert unread == {}
    assert not any(each["is_sampled"] for each in found["occurrences"])


def digest_and_die(when: str, bodies: Sequence[str], folder: Path, dsn: str) -> None:
    environ = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/shared:{ROOT}", "DATABASE_URL": dsn, "PAYLOAD_STORE": "s3",
        "PAYLOADS_URL": str(folder),
    }  # fmt: skip
    command = [sys.executable, "-c", SCRIPT, when, NOW.isoformat()]
    done = subprocess.run(command, env=environ, input="\n".join(bodies), text=True, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_digest_leaves_each_event_once(when: str, folder: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = make_messages(50)
    digest_and_die(when, bodies, folder, database)
    assert len(list_stored()) == (50 if when == "after" else 0)
    assert len(list_objects(folder)) == 1
    assert sweep(folder) == 0, "an object may still be written until it is old enough"
    # The queue delivers all of them again, and each of them twice.
    digest([*bodies, *bodies], NOW)
    check_each_once(folder, 50, monkeypatch)
    assert len(list_objects(folder)) == 1


def test_same_messages_in_many_digests_are_stored_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = make_messages(60)
    batches = [bodies, bodies[::-1], bodies[:40], bodies[20:], bodies[10:50], bodies]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda batch: digest(batch, NOW), batches))
    assert sum(each.errors for each in done) == 60
    assert sum(each.errors + each.duplicates for each in done) == sum(map(len, batches))
    check_each_once(folder, 60, monkeypatch)


def test_sweep_in_the_middle_costs_no_payload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[int] = []
    commit = store._commit_errors

    def sweep_first(*given: object) -> tuple[int, int]:
        with monkeypatch.context() as patch:
            patch.setattr(objects, "SAFE_AGE", objects.SAFE_AGE * 0)
            swept.append(sweep(folder) if not swept else 0)
        return commit(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_commit_errors", sweep_first)
    digest(make_messages(20), NOW)
    assert swept == [1, 0]
    check_each_once(folder, 20, monkeypatch)


def test_poison_costs_the_others_no_payload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = make_messages(20)
    bodies[7] = bodies[7].replace('"environment":"', '"environment":"\\u0000', 1)
    done = digest(bodies, NOW)
    assert [body for body, _reason in done.poison] == [bodies[7]]
    check_each_once(folder, 19, monkeypatch)


def close_store(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"")


def test_flush_without_store_deletes_nothing_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue(make_messages(30), NOW)
    queue.stand_in(monkeypatch)
    close_store(folder)
    cycle = Cycle(NOW, time.monotonic() + 30.0, MonitorState())
    with pytest.raises(FilesUnavailable):
        steps._flush(cycle)
    assert len(queue.waiting) == 30
    assert (queue.dead, list_stored()) == ([], [])
    assert "FilesUnavailable" in str(cycle.uncounted)
    (age,) = [sample for sample in cycle.samples if sample.metric == "queue.oldest_message_s"]
    assert "could not be stored" in str(age.detail)
    hidden = set(queue.hidden)
    queue.hidden.clear()
    with pytest.raises(FilesUnavailable):
        flush.flush(NOW, 5, cycle.state.unstored)
    assert hidden
    assert queue.hidden == set(), "an outage must not wear good messages out"
    folder.unlink()
    assert flush.flush(NOW, 5, cycle.state.unstored).errors == 30
    assert queue.waiting == {}
    check_each_once(folder, 30, monkeypatch)


def test_event_source_without_store_returns_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "GIVE_UP_AFTER_S", 0.0)
    hidden: list[str] = []
    monkeypatch.setattr(sqs, "hide", lambda _url, handles, _pause: hidden.extend(handles))
    records = [
        Record(
            messageId=str(n),
            receiptHandle=str(n),
            body=body,
            attributes={"ApproximateReceiveCount": "1", "SentTimestamp": str(round(NOW.timestamp() * 1000))},
        )
        for n, body in enumerate(make_messages(10))
    ]
    close_store(folder)
    failed = digest_records(records, "https://queue", "https://dead", NOW, 10.0)["batchItemFailures"]
    assert sorted(item["itemIdentifier"] for item in failed) == sorted(hidden) == [str(n) for n in range(10)]
    folder.unlink()
    assert digest_records(records, "https://queue", "https://dead", NOW, 10.0) == {"batchItemFailures": []}
    check_each_once(folder, 10, monkeypatch)


def test_unstored_messages_do_not_ask_a_store_that_was_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(flush, "ask_store", asked.append)
    unstored = UnstoredMessages()
    unstored.note_failed([], OSError("database"), NOW)
    FakeQueue([], NOW).stand_in(monkeypatch)
    flush.flush(NOW, 5, unstored)
    assert asked == []
