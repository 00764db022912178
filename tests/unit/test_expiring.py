"""Messages that a queue is about to delete: they are archived in time, and can be restored."""

import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from callwatch import file_store, sqs
from callwatch.digest import archive, expiring
from callwatch.digest.archive import archive_messages, count_archive, list_archive, read_archived, restore_archive
from callwatch.digest.expiring import ARCHIVE_AFTER, LOOK_EVERY_S, ExpiringState, archive_expiring
from callwatch.exceptions import ArchiveUnavailable, FilesUnavailable, QueueUnavailable
from callwatch.sqs import QueueMessage, empty_wait_s

NOW = datetime.now(UTC)
OLD, YOUNG = NOW - ARCHIVE_AFTER - timedelta(hours=1), NOW - timedelta(days=3)
DEAD = [("dead_letters", "https://sqs.us-east-1.amazonaws.com/123456789012/dead")]


class Clock:
    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


class AgedQueue:
    """A queue of messages with known ages; received messages stay hidden until released."""

    def __init__(self) -> None:
        self.waiting: dict[str, QueueMessage] = {}
        self.hidden: set[str] = set()
        self.receives = 0
        self.sent: list[str] = []
        self.state = ExpiringState()

    def put(self, count: int, sent_at: datetime, size: int = 10) -> None:
        for _ in range(count):
            number = str(len(self.waiting))
            body = json.dumps({"n": number, "text": "é\ud800"[:1] + "x" * size})
            self.waiting[number] = QueueMessage(body, number, number, 1, "poison", sent_at)

    def receive(self, url: str | None, most: int = 10, wait_s: int = 0) -> list[QueueMessage]:
        assert wait_s == empty_wait_s(url), "a shorter poll may miss what is there"
        self.receives += 1
        handles = [handle for handle in self.waiting if handle not in self.hidden][:most]
        self.hidden |= set(handles)
        return [self.waiting[handle] for handle in handles]

    def delete(self, _url: str | None, handles: list[str]) -> None:
        for handle in handles:
            del self.waiting[handle]

    def release(self, _url: str | None, handles: list[str]) -> None:
        self.hidden -= set(handles)

    def estimate_count(self, _url: str | None) -> int:
        return len(self.waiting)

    def send(self, _url: str | None, bodies: list[str]) -> None:
        self.sent += bodies


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("callwatch.digest.expiring.time.monotonic", found)
    return found


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> AgedQueue:
    found = AgedQueue()
    for name in ("receive", "delete", "release", "estimate_count"):
        monkeypatch.setattr(sqs, name, getattr(found, name))
    monkeypatch.setattr(archive, "send", found.send)
    return found


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the archive, in both of its kinds."""
    file_store._make_client.cache_clear()
    if request.param == "folder":
        yield str(tmp_path / "archive")
        return
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="callwatch-archive")
        yield "s3://callwatch-archive/callwatch-dev"
    file_store._make_client.cache_clear()


def test_what_expires_soon_moves_and_the_rest_stays(aged: AgedQueue, place: str) -> None:
    aged.put(25, OLD)
    aged.put(7, YOUNG)
    bodies = [message.body for message in aged.waiting.values()]
    assert archive_expiring(aged.state, place, DEAD, NOW, 8) == {"dead_letters": 25}
    assert sorted(message.body for message in aged.waiting.values()) == sorted(bodies[25:])
    assert count_archive(place) == aged.state.archived == 25
    assert sorted(body for name in list_archive(place) for body in read_archived(place, name)) == sorted(bodies[:25])
    assert aged.state.looks["dead_letters"].oldest_at == YOUNG
    assert aged.hidden & aged.waiting.keys() == set(), "the next flush finds the rest"


def test_archived_messages_come_back_once(aged: AgedQueue, place: str) -> None:
    aged.put(450, OLD)
    bodies = sorted(message.body for message in aged.waiting.values())
    archive_expiring(aged.state, place, DEAD, NOW, 8)
    assert len(list_archive(place)) == 3
    first = restore_archive(place, "url", 1)
    assert 0 < first <= 200
    assert restore_archive(place, "url", 10_000) == 450 - first
    assert sorted(aged.sent) == bodies
    assert list_archive(place) == []


def test_a_queue_is_looked_at_once_an_hour(aged: AgedQueue, place: str, clock: Clock) -> None:
    aged.put(5, YOUNG)
    archive_expiring(aged.state, place, DEAD, NOW, 8)
    before = aged.receives
    assert archive_expiring(aged.state, place, DEAD, NOW, 8) == {}
    assert aged.receives == before
    clock.now += LOOK_EVERY_S["dead_letters"]
    assert archive_expiring(aged.state, place, DEAD, NOW, 8) == {"dead_letters": 0}


def test_many_old_messages_go_on_in_the_next_cycle(aged: AgedQueue, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "MAX_PER_LOOK", 100)
    aged.put(250, OLD)
    moved = [archive_expiring(aged.state, place, DEAD, NOW, 8).get("dead_letters") for _ in range(4)]
    assert moved == [100, 100, 50, None]
    assert count_archive(place) == 250


def test_nothing_leaves_a_queue_before_it_is_durable(aged: AgedQueue, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aged.put(10, OLD)

    def refuse(*_given: Any) -> None:
        raise FilesUnavailable("disk full") from OSError("disk full")

    monkeypatch.setattr(archive, "add_file", refuse)
    with pytest.raises(ArchiveUnavailable):
        archive_expiring(aged.state, place, DEAD, NOW, 8)
    assert len(aged.waiting) == 10
    assert aged.hidden == set()


def test_a_queue_that_cannot_release_costs_no_archive(aged: AgedQueue, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any) -> None:
        raise QueueUnavailable("the queue does not respond")

    monkeypatch.setattr(sqs, "release", refuse)
    aged.put(5, OLD)
    aged.put(5, YOUNG)
    assert archive_expiring(aged.state, place, DEAD, NOW, 8) == {"dead_letters": 5}
    assert aged.state.looks["dead_letters"].oldest_at == YOUNG


def test_a_file_stays_until_its_messages_are_sent(aged: AgedQueue, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aged.put(10, OLD)
    archive_expiring(aged.state, place, DEAD, NOW, 8)

    def refuse(*_given: Any) -> None:
        raise QueueUnavailable("the queue does not respond")

    monkeypatch.setattr(archive, "send", refuse)
    with pytest.raises(QueueUnavailable):
        restore_archive(place, "url", 100)
    assert count_archive(place) == 10


def test_without_an_archive_the_age_is_known(aged: AgedQueue) -> None:
    aged.put(5, OLD)
    assert archive_expiring(aged.state, None, DEAD, NOW, 8) == {"dead_letters": 0}
    assert aged.state.looks["dead_letters"].oldest_at == OLD
    assert len(aged.waiting) == 5


def test_the_same_messages_are_kept_under_one_name(place: str) -> None:
    messages = [QueueMessage("body", str(number), str(number), 1, None, OLD) for number in range(3)]
    assert archive_messages(place, "errors", messages, NOW) == archive_messages(place, "errors", messages[::-1], NOW)
    assert count_archive(place) == 3


def test_a_damaged_file_is_named_and_kept(tmp_path: Path) -> None:
    messages = [QueueMessage("body", "1", "1", 1, None, OLD)]
    name = archive_messages(str(tmp_path), "errors", messages, NOW)
    (tmp_path / name).write_bytes(b"\x00\x00")
    with pytest.raises(ArchiveUnavailable, match=name):
        restore_archive(str(tmp_path), "url", 10)
    assert (tmp_path / name).exists()


def test_only_the_owner_reads_the_archive(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    name = archive_messages(str(place), "errors", [QueueMessage("body", "1", "1", 1, None, OLD)], NOW)
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(place / name).st_mode) == 0o600
