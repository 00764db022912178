"""Messages accepted by the local queue survive downtime, clock jumps and damaged pages."""

import contextlib
import itertools
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.sqs import server as local_queue
from local.sqs.queue_file import read_messages
from local.sqs.repair import find_damage, repair_if_damaged
from local.sqs.store import QueueStore

DAY_S = 86_400.0
START = 1_800_000_000.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def run_for(self, store: QueueStore, seconds: float) -> None:
        """Pass time while the queue is up, which notes it about every ten seconds."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 50)
            store.beat()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_store(folder: Path, clock: Callable[[], float]) -> QueueStore:
    store = QueueStore(folder / "queue.sqlite3", clock)
    store.create("errors", {"MessageRetentionPeriod": str(int(4 * DAY_S)), "VisibilityTimeout": "30"})
    return store


def receive_all(store: QueueStore) -> list[str]:
    found = []
    while messages := store.receive("errors", 10, None, 0):
        found += [message.body for message in messages]
    return found


def test_nothing_expires_while_the_queue_is_off(tmp_path: Path, clock: Clock) -> None:
    store = open_store(tmp_path, clock)
    store.send("errors", [("kept", {}, None)])
    store.close()
    clock.now += 300 * DAY_S
    assert receive_all(open_store(tmp_path, clock)) == ["kept"]


@pytest.mark.parametrize("jump_days", [200, -200, 5, -5])
def test_nothing_expires_or_hides_when_the_clock_jumps(tmp_path: Path, clock: Clock, jump_days: int) -> None:
    store = open_store(tmp_path, clock)
    store.send("errors", [("kept", {}, None)])
    clock.now += jump_days * DAY_S
    assert receive_all(store) == ["kept"]


def test_time_while_up_counts_and_what_expires_is_kept(tmp_path: Path, clock: Clock) -> None:
    store = open_store(tmp_path, clock)
    store.send("errors", [("old", {"reason": {"DataType": "String", "StringValue": "why"}}, None)])
    clock.run_for(store, 3 * DAY_S)
    clock.now += 30 * DAY_S
    store.send("errors", [("young", {}, None)])
    assert store.read_attributes("errors")["ApproximateNumberOfMessages"] == "2"
    clock.run_for(store, 1.5 * DAY_S)
    assert receive_all(store) == ["young"]
    file = tmp_path / "queue.expired.jsonl"
    assert list(read_messages(file)) == [("errors", "old")]
    assert json.loads(file.read_text())["sent_at"] == START
    assert file.stat().st_mode & 0o077 == 0


def test_file_of_an_earlier_version_keeps_its_messages(tmp_path: Path, clock: Clock) -> None:
    store = open_store(tmp_path, clock)
    store.send("errors", [("kept", {}, None)])
    store._db.executescript("DROP TABLE last_seen; DROP TABLE time_off")
    store._db.close()
    clock.now += 30 * DAY_S
    assert receive_all(open_store(tmp_path, clock)) == ["kept"]


def test_senders_at_once_share_commits_and_all_are_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path, lambda: START)
    ids: list[str] = []

    def send(number: int) -> None:
        for item in range(20):
            ids.extend(store.send("errors", [(f"{number}-{item}", {}, None)]))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(ids)) == 160
    assert sorted(receive_all(store)) == sorted(f"{number}-{item}" for number in range(8) for item in range(20))


def test_send_returns_only_after_the_disk_was_flushed(tmp_path: Path) -> None:
    """A copy of the files at that moment, as after a power cut, contains the message."""
    store = open_store(tmp_path, lambda: START)
    seen: list[int] = []
    store._db.set_trace_callback(lambda statement: seen.append("synchronous = FULL" in statement))
    store.send("errors", [("kept", {}, None)])
    assert any(seen)
    copied = tmp_path / "copy"
    copied.mkdir()
    for file in tmp_path.glob("queue.sqlite3*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, copied / file.name)
    assert receive_all(QueueStore(copied / "queue.sqlite3", lambda: START)) == ["kept"]


def fill(folder: Path, count: int = 300) -> Path:
    store = open_store(folder, lambda: START)
    store.send("errors", [(f"{number} " + "x" * 2_000, {}, None) for number in range(count)])
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._db.close()
    return folder / "queue.sqlite3"


def damage_page(file: Path, page: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(page * 4096)
        opened.write(content)


def count_pages(file: Path) -> int:
    return file.stat().st_size // 4096


@pytest.mark.parametrize("content", [b"\0" * 4096, os.urandom(4096), b"{}" * 2048], ids=["nul", "random", "json"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damaged_page_costs_its_own_messages_alone(tmp_path: Path, content: bytes, share: float) -> None:
    file = fill(tmp_path)
    damage_page(file, int(count_pages(file) * share), content)
    line = repair_if_damaged(file)
    assert line is not None
    assert str(file) in line
    (aside,) = tmp_path.glob("queue.damaged-*.sqlite3")
    assert aside.name in line
    store = open_store(tmp_path, lambda: START)
    store.send("errors", [("new", {}, None)])
    found = receive_all(store)
    healthy = [body for body in found if body.endswith(" " + "x" * 2_000)]
    assert found[-1] == "new"
    # A page holds one or two of these messages, or refers to about a hundred of them.
    assert len(set(healthy)) == len(healthy) >= 150
    assert find_damage(file) is None


@pytest.mark.parametrize("content", [b"\0" * 4096, os.urandom(4096), b"\xff" * 120], ids=["nul", "random", "half"])
def test_damaged_first_page_costs_no_message(tmp_path: Path, content: bytes) -> None:
    file = fill(tmp_path)
    damage_page(file, 0, content)
    line = repair_if_damaged(file)
    assert "300 messages were saved." in str(line)
    store = QueueStore(file, lambda: START)
    assert len(receive_all(store)) == 300
    assert sorted(path.suffix for path in tmp_path.glob("queue.damaged-*")) == [".sqlite3"]


def test_every_page_damaged_alone_leaves_a_queue_that_works(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    sound = fill(tmp_path / "sound", 30)
    for page in range(count_pages(sound)):
        folder = tmp_path / str(page)
        folder.mkdir()
        file = Path(shutil.copy(sound, folder))
        damage_page(file, page, b"\xff" * 4096)
        assert repair_if_damaged(file), page
        store = open_store(folder, lambda: START)
        store.send("errors", [("new", {}, None)])
        assert "new" in receive_all(store)
        store._db.close()


_WHOLE = {"empty": b"", "nul": b"\0" * 8192, "garbage": os.urandom(8192), "json": b'{"wrong": "json"}', "text": b"x" * 100}


@pytest.mark.parametrize(("ending", "damage"), list(itertools.product(("", "-wal"), _WHOLE)))
def test_damaged_file_is_set_aside_and_named(tmp_path: Path, ending: str, damage: str) -> None:
    file = fill(tmp_path, 5)
    broken = tmp_path / f"queue.sqlite3{ending}"
    broken.write_bytes(_WHOLE[damage])
    line = repair_if_damaged(file)
    if ending == "-wal":
        assert len(receive_all(open_store(tmp_path, lambda: START))) == 5
    if (ending, damage) == ("-wal", "empty"):
        # SQLite leaves an empty log behind after a checkpoint.
        assert line is None
        return
    assert line is not None
    assert line.count("\n") == 0
    assert "docs/troubleshooting.md" in line
    (kept,) = tmp_path.glob(f"queue.damaged-*.sqlite3{ending and '-wal.damaged'}")
    assert kept.read_bytes() == _WHOLE[damage]


def test_server_that_meets_damage_ends_and_is_repaired(tmp_path: Path) -> None:
    file = fill(tmp_path)
    server = local_queue.start(tmp_path)
    url = f"{server.endpoint_url}/0/errors"
    for page in range(5, count_pages(file)):
        damage_page(file, page, b"\xff" * 4096)
    with contextlib.suppress(BotoCoreError, ClientError):
        for _ in range(40):
            connect(server).receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert server.process.wait(20) == 3
    again = local_queue.start(tmp_path, access_key=server.access_key)
    try:
        assert "was damaged" in again.notes[0]
        connect(again).create_queue(QueueName="errors")
        connect(again).send_message(QueueUrl=f"{again.endpoint_url}/0/errors", MessageBody="new")
    finally:
        again.stop()


def connect(server: local_queue.RunningQueue) -> Any:
    session = boto3.Session(server.access_key, "x", region_name="us-east-1")
    return session.client("sqs", endpoint_url=server.endpoint_url)


def test_sound_file_is_left_alone(tmp_path: Path) -> None:
    file = fill(tmp_path, 3)
    before = file.read_bytes()
    assert repair_if_damaged(file) is None
    assert file.read_bytes() == before
    assert repair_if_damaged(tmp_path / "none.sqlite3") is None
    sqlite3.connect(tmp_path / "new.sqlite3").executescript("CREATE TABLE other (x)")
    assert repair_if_damaged(tmp_path / "new.sqlite3") is None
