"""What one event costs in each part, measured here or read from the results of an earlier measurement."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import ingest, throughput
from bench._database import own_database
from bench._results import Figure, build_figure
from bench.digest import build_messages
from callwatch import sqs
from callwatch.db import with_transaction
from callwatch.digest import store
from callwatch.digest.event_source import digest_records
from callwatch.digest.groups.assign import lock_expected
from local.sqs import server as local_queue

ROUNDS = 5
_LOCKED_ROUNDS = 12
SMALL, LARGE = 10, 500
_CALLS = 100


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in us of an event unless the name says otherwise; our process and PostgreSQL apart.

    transaction: our CPU within it; locked: that between the lock of the groups and the commit. fixed: of a batch, whatever is in
    it; waits: of a batch, the time in which neither we nor PostgreSQL compute (disk, round trips). local_call: one request to the
    local queue, of ten messages.
    """

    flush_us: float
    flush_database_us: float
    digest_us: float
    digest_transaction_us: float
    digest_locked_us: float
    digest_database_us: float
    digest_database_locked_us: float
    fixed_us: float
    fixed_database_us: float
    waits_us: float
    ingest_us: float
    local_call_us: float

    def list_figures(self) -> list[Figure]:
        """The costs as figures of a result."""
        return [build_figure(f"cost {name}", value, "us") for name, value in asdict(self).items()]

    def split_transaction(self, size: int, share: float, database_us: float) -> "Transaction":
        """The parts of a batch's transaction. share: of a vCPU, for our part; database_us: PostgreSQL's CPU of an event."""
        locked_us = min(self.digest_database_locked_us, database_us)
        return Transaction(
            (self.digest_transaction_us - self.digest_locked_us) * size / share / 1e6,
            (database_us - locked_us) * size / 1e6,
            self.digest_locked_us * size / share / 1e6,
            # What does not depend on the batch is mostly the commit.
            (locked_us * size + self.fixed_database_us + self.waits_us) / 1e6,
        )


@dataclass(frozen=True, slots=True)
class Transaction:
    """Seconds of one transaction, ours and PostgreSQL's: before groups are locked, and while they are."""

    ours_s: float
    database_s: float
    locked_ours_s: float
    locked_database_s: float

    @property
    def locked_s(self) -> float:
        """How long other transactions of the same groups wait."""
        return self.locked_ours_s + self.locked_database_s

    @property
    def all_s(self) -> float:
        """How long it takes if it waits for no other one."""
        return self.ours_s + self.database_s + self.locked_s


def read_costs(path: Path) -> Costs:
    """Read the costs from a file of results. Raises KeyError if one is missing."""
    figures = {each["name"]: float(each["value"]) for each in json.loads(path.read_text())["figures"]}
    return Costs(**{name: figures[f"cost {name}"] for name in Costs.__dataclass_fields__})


def measure_costs() -> Costs:
    """Measure all of them on a local queue server and a durable PostgreSQL; takes about a minute."""
    with tempfile.TemporaryDirectory() as folder, own_database():
        server = local_queue.start(Path(folder))
        try:
            with throughput.make_queues(server) as url:
                flushed, flushed_theirs, _rate = throughput.measure_flush(url)
                small, large = (_measure_batch(url, size) for size in (SMALL, LARGE))
                locked_theirs_us = _measure_locked_database_us(url)
                call_s = _measure_call_s(url)
            handler = ingest.prepare(server)
            with ingest.silence():
                requests = [ingest.build_request(ingest.build_payload(number)) for number in range(100)]
                handler(requests[0], None)
                ingest_ms = ingest.measure_cpu_ms(lambda event: handler(event, None), requests)
        finally:
            server.stop()
    ours, within, locked, theirs = (_divide(small, large, name) for name in ("ours", "transaction", "locked", "theirs"))
    return Costs(
        flush_us=flushed,
        flush_database_us=flushed_theirs,
        digest_us=ours,
        digest_transaction_us=within,
        digest_locked_us=locked,
        digest_database_us=theirs,
        digest_database_locked_us=locked_theirs_us,
        fixed_us=max(0.0, small["ours"] - SMALL * ours),
        fixed_database_us=max(0.0, small["theirs"] - SMALL * theirs),
        waits_us=small["waits"],
        ingest_us=ingest_ms * 1000,
        local_call_us=call_s * 1e6,
    )


def _divide(small: dict[str, float], large: dict[str, float], name: str) -> float:
    """Return the slope between a small and a large batch."""
    return (large[name] - small[name]) / (LARGE - SMALL)


def _measure_batch(url: str, size: int) -> dict[str, float]:
    """Return the least us of several batches: ours, two parts of ours (transaction, locked), PostgreSQL's, and of neither.

    The load of the machine adds to durations, and little to CPU times.
    """
    rounds = []
    for number in range(ROUNDS):
        (records,) = throughput.build_batches(build_messages(size, 50 + number))
        rounds.append(_measure_one(lambda: digest_records(records, url, None, datetime.now(UTC), 600)))  # noqa: B023
    return {name: min(each[name] for each in rounds) for name in rounds[0]}


def _measure_one(work: Callable[[], Any]) -> dict[str, float]:
    with _watch_transactions(time.process_time) as watched:
        theirs_s, ours_s, began_s = throughput.read_server_cpu_s(), time.process_time(), time.perf_counter()
        assert work() == {"batchItemFailures": []}
        took_s, ours_s = time.perf_counter() - began_s, time.process_time() - ours_s
        theirs_s = throughput.read_server_cpu_s() - theirs_s
    waits_s = max(0.0, took_s - ours_s - theirs_s)
    found = {"ours": ours_s, "transaction": watched.all, "locked": watched.locked, "theirs": theirs_s, "waits": waits_s}
    return {name: seconds * 1e6 for name, seconds in found.items()}


def _measure_locked_database_us(url: str) -> float:
    """Return PostgreSQL's us of an event while groups are locked: a mean, because CPU counts in ticks of 10 ms."""
    total_s = 0.0
    for number in range(_LOCKED_ROUNDS):
        (records,) = throughput.build_batches(build_messages(LARGE, 70 + number))
        with _watch_transactions(throughput.read_server_cpu_s) as watched:
            assert digest_records(records, url, None, datetime.now(UTC), 600) == {"batchItemFailures": []}
        total_s += watched.locked
    return total_s / _LOCKED_ROUNDS / LARGE * 1e6


@dataclass(slots=True)
class _Watched:
    all: float = 0.0
    locked: float = 0.0


@contextmanager
def _watch_transactions(read_s: Callable[[], float]) -> Iterator[_Watched]:
    """Add up a clock within the digest's transactions, and in them from the lock of the groups to the commit."""
    found, locked_at = _Watched(), [0.0]

    def lock(*given: Any) -> Any:
        locked_at[0] = read_s()
        return lock_expected(*given)

    def run(*given: Any, **options: Any) -> Any:
        began_s, locked_at[0] = read_s(), 0.0
        try:
            return with_transaction(*given, **options)
        finally:
            ended_s = read_s()
            found.all += ended_s - began_s
            found.locked += ended_s - locked_at[0] if locked_at[0] else 0.0

    with patch.object(store, "with_transaction", run), patch.object(store, "lock_expected", lock):
        yield found


def _measure_call_s(url: str) -> float:
    """Return the median duration of a receive of ten messages."""
    sqs.send(url, build_messages(_CALLS * sqs.BATCH_MESSAGES, 90))
    taken: list[float] = []
    handles: Sequence[str] = []
    for _ in range(_CALLS):
        began_s = time.perf_counter()
        found = sqs.receive(url)
        taken.append(time.perf_counter() - began_s)
        handles = [*handles, *(message.receipt_handle for message in found)]
    sqs.delete(url, handles)
    assert sqs.estimate_count(url) == 0
    return sorted(taken)[_CALLS // 2]


def describe_machine() -> str:
    """Cores and load, in which durations have to be read."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
