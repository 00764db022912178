"""A short poll of SQS may return nothing although messages wait: an empty response never means an empty queue."""

import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from callwatch import sqs as queue
from callwatch.digest.flush import _Limits, _receive, _Received
from callwatch.digest.message_parser import Batch

URL = "https://sqs.us-east-1.amazonaws.com/000000000000/q"
BEGAN_AT = datetime(2030, 1, 1, tzinfo=UTC)
NO_LIMIT = _Limits(BEGAN_AT, math.inf)


class FalseEmpties:
    """SQS whose short polls return nothing half of the time, as its documentation allows; long polls are exact."""

    def __init__(self, bodies: list[str], seed: int) -> None:
        self.waiting = {str(number): body for number, body in enumerate(bodies)}
        self.sent: list[str] = []
        self.hidden: set[str] = set()
        self.requests = 0
        self._random = random.Random(seed)

    def receive_message(self, MaxNumberOfMessages: int, WaitTimeSeconds: int = 0, **_rest: Any) -> dict[str, Any]:  # noqa: N803
        self.requests += 1
        if not WaitTimeSeconds and self._random.random() < 0.5:
            return {}
        handles = [handle for handle in self.waiting if handle not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(handles)
        return {"Messages": [{"Body": self.waiting[h], "ReceiptHandle": h, "MessageId": h} for h in handles]}

    def send_message_batch(self, Entries: list[dict[str, str]], **_rest: Any) -> dict[str, Any]:  # noqa: N803
        self.sent += [entry["MessageBody"] for entry in Entries]
        return {}

    def delete_message_batch(self, Entries: list[dict[str, str]], **_rest: Any) -> dict[str, Any]:  # noqa: N803
        for entry in Entries:
            del self.waiting[entry["ReceiptHandle"]]
        return {}


@pytest.fixture(params=range(10))
def sqs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FalseEmpties:
    found = FalseEmpties([f"message {number}" for number in range(95)], request.param)
    monkeypatch.setattr(queue, "_make_client", lambda *_given: found)
    return found


def test_a_redrive_moves_all_despite_false_empties(sqs: FalseEmpties) -> None:
    assert queue.redrive(URL, URL, 1_000) == 95
    assert sorted(sqs.sent) == sorted(f"message {number}" for number in range(95))
    assert not sqs.waiting


def test_a_flush_receives_all_despite_false_empties(sqs: FalseEmpties) -> None:
    received: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        while found := _receive(URL, pool, 1, NO_LIMIT)[0]:
            received += [message.body for message in found]
    assert sorted(received) == sorted(sqs.waiting.values())


def test_a_flush_fills_its_batch_despite_false_empties(sqs: FalseEmpties) -> None:
    with ThreadPoolExecutor(8) as pool:
        found, is_partial = _receive(URL, pool, 1, NO_LIMIT)
    assert is_partial == (len(found) == 95)
    assert len(found) >= 80, "a batch is one transaction: small ones are slow"


def test_an_idle_queue_costs_one_request(sqs: FalseEmpties) -> None:
    sqs.waiting.clear()
    with ThreadPoolExecutor(8) as pool:
        assert _receive(URL, pool, 1, NO_LIMIT) == ([], True)
    assert sqs.requests == 1


def test_a_slow_queue_ends_a_round_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def receive_slowly(_url: str | None, _most: int = 10, wait_s: int = 0) -> list[queue.QueueMessage]:
        time.sleep(0.05)
        return [queue.QueueMessage("x", "x", "x", 1)] * 10

    monkeypatch.setattr(queue, "receive", receive_slowly)
    with ThreadPoolExecutor(8) as pool:
        messages, is_partial = _receive(URL, pool, 1, _Limits(BEGAN_AT, time.monotonic()))
    assert (len(messages), is_partial) == (90, False)


class ManyServers:
    """SQS as servers that each hold a part: a short poll asks some of them, a long poll all; new messages never stop."""

    def __init__(self, seed: int, new_per_poll: int) -> None:
        self._random = random.Random(seed)
        self._new_per_poll = new_per_poll
        self._servers: list[list[datetime]] = [[] for _ in range(4)]
        self._add(BEGAN_AT - timedelta(hours=1), self._random.randint(1, 300))

    def count_old(self) -> int:
        return sum(sent_at < BEGAN_AT for server in self._servers for sent_at in server)

    def receive(self, _url: str | None, most: int = 10, wait_s: int = 0) -> list[queue.QueueMessage]:
        self._add(BEGAN_AT + timedelta(seconds=1), self._new_per_poll)
        asked = self._servers if wait_s else self._random.sample(self._servers, 1)
        held = [(server, sent_at) for server in asked for sent_at in server]
        taken = self._random.sample(held, min(most, len(held)))
        for server, sent_at in taken:
            server.remove(sent_at)
        return [queue.QueueMessage("x", "x", "x", 1, sent_at=sent_at) for _server, sent_at in taken]

    def _add(self, sent_at: datetime, count: int) -> None:
        for _ in range(count):
            self._random.choice(self._servers).append(sent_at)


class InTurn:
    """A pool of one thread, so that a seed repeats a run."""

    map = staticmethod(map)


@pytest.mark.parametrize("new_per_poll", [0, 1, 2, 5])
def test_drained_means_that_nothing_older_waits(monkeypatch: pytest.MonkeyPatch, new_per_poll: int) -> None:
    drained = 0
    for seed in range(60):
        servers = ManyServers(seed, new_per_poll)
        monkeypatch.setattr(queue, "receive", servers.receive)
        for _batch in range(8):
            messages, is_partial = _receive(URL, cast("Any", InTurn), 10, NO_LIMIT)
            if not messages or _Received(messages, Batch(), is_partial).is_newer_than(BEGAN_AT):
                drained += 1
                assert servers.count_old() == 0, seed
                break
    # Where messages arrive faster than they are polled, it may say that it is not drained.
    assert drained == 60 or new_per_poll > 2


@pytest.mark.parametrize("host", ["127.0.0.1:9324", "localhost", "[::1]:9324"])
def test_a_queue_on_this_machine_is_polled_once(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    waits: list[int] = []

    def receive_nothing(_url: str | None, _most: int = 10, wait_s: int = 0) -> list[queue.QueueMessage]:
        waits.append(wait_s)
        return []

    monkeypatch.setattr(queue, "receive", receive_nothing)
    with ThreadPoolExecutor(8) as pool:
        assert _receive(f"http://{host}/000000000000/q", pool, 1, NO_LIMIT) == ([], True)
    assert set(waits) == {0}


@pytest.mark.parametrize("host", ["sqs.us-east-1.amazonaws.com", "vpce-1.sqs.us-east-1.vpce.amazonaws.com", "queue.example"])
def test_any_other_queue_confirms_that_it_is_empty(host: str) -> None:
    assert queue.empty_wait_s(f"https://{host}/000000000000/q") == 1
