"""The discrete-event model: senders, an outage, the monitor's flush, and the digests of an event source, on one database."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from bench._simulation.costs import Costs, Transaction
from bench._simulation.parameters import Parameters
from bench._simulation.queue import Parcel, Queue
from callwatch.digest.unstored import FLUSH_VISIBILITY_S, compute_pause_s

_TICK_S = 0.1
_POLL_S = 20.0
_POLL_STEP_S = 0.1

Process = Generator[simpy.Event, Any, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is played, in s from the beginning: events a second until sent_s, and the database away from down_s to up_s.

    is_shared: whether any two batches have a group in common, so that their transactions wait for each other.
    """

    rate: float
    sent_s: float = 3_600.0
    down_s: float = 1_200.0
    up_s: float = 1_800.0
    ends_s: float = 3_600.0
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """The state at one time; busy: digests at work; oldest_s: age of the oldest message that is not stored."""

    at_s: float
    backlog: int
    oldest_s: float
    busy: int


@dataclass(slots=True)
class Played:
    """The course of a scenario.

    recovered_s: from the end of the outage until all is stored that was sent before that; None: never.
    """

    samples: list[Sample] = field(default_factory=list)
    stored: int = 0
    recovered_s: float | None = None
    most_receives: int = 0
    most_busy: int = 0


class Model:
    """One deployment in one scenario."""

    def __init__(self, parameters: Parameters, costs: Costs, scenario: Scenario) -> None:
        self._parameters, self._costs, self._scenario = parameters, costs, scenario
        self._env = simpy.Environment()
        self._queue = Queue(self._env, parameters.visibility_s, parameters.receive_most)
        self._groups = simpy.Resource(self._env, 1 if scenario.is_shared else 1_000_000)
        self._processors = simpy.Resource(self._env, parameters.database_vcpus)
        self._busy = 0
        self._played = Played()

    def play(self) -> Played:
        """Run to the end, and sample each second."""
        env = self._env
        for process in (
            self._send(),
            self._sample(),
            self._run_monitor(),
            *(self._digest() for _ in range(self._parameters.digests)),
        ):
            env.process(process)
        env.run(until=self._scenario.ends_s)
        self._played.most_receives = self._queue.most_receives
        return self._played

    def _send(self) -> Process:
        sent = 0
        while self._env.now < self._scenario.sent_s:
            due = round(min(self._env.now + _TICK_S, self._scenario.sent_s) * self._scenario.rate)
            if due > sent:
                self._queue.send(due - sent)
            sent = due
            yield self._env.timeout(_TICK_S)

    def _sample(self) -> Process:
        while True:
            oldest_at = self._queue.find_oldest_at()
            age_s = 0.0 if oldest_at is None else self._env.now - oldest_at
            self._played.samples.append(Sample(self._env.now, self._queue.backlog, age_s, self._busy))
            yield self._env.timeout(1)

    def _is_up(self) -> bool:
        return not self._scenario.down_s <= self._env.now < self._scenario.up_s

    def _run_monitor(self) -> Process:
        env, parameters = self._env, self._parameters
        due = 0.0
        while True:
            if self._is_up():
                yield from self._flush()
            yield env.timeout(parameters.other_steps_s)
            due = max(due + parameters.cycle_s, env.now)
            yield env.timeout(due - env.now)

    def _flush(self) -> Process:
        """One batch is received ahead while another is stored; Python uses one core for both."""
        env, parameters, costs = self._env, self._parameters, self._costs
        began_at, deadline = env.now, env.now + parameters.flush_s
        share = parameters.find_monitor_share()
        coming = self._queue.take(parameters.flush_batch)
        yield env.timeout(self._compute_receiving_s(coming))
        while coming:
            batch, coming = coming, []
            size = _count(batch)
            is_drained = size < parameters.flush_batch and all(parcel.sent_at >= began_at for parcel in batch)
            if not is_drained and env.now < deadline:
                coming = self._queue.take(parameters.flush_batch)
            started_at = env.now
            if not (yield from self._store(batch, costs.split_transaction(size, share, costs.flush_database_us))):
                self._hide_after_flush([*batch, *coming])
                return
            # Receiving the next batch takes its requests, and the same core.
            took_s = max((costs.flush_us * size + costs.fixed_us) / 1e6 / share, self._compute_receiving_s(coming))
            yield env.timeout(max(0.0, started_at + took_s - env.now))

    def _compute_receiving_s(self, parcels: Sequence[Parcel]) -> float:
        parameters = self._parameters
        requests = -(-_count(parcels) // 10)
        return -(-requests // parameters.flush_receivers) * parameters.call_s or parameters.call_s

    def _hide_after_flush(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            pause_s = compute_pause_s(parcel.receives, self._env.now - parcel.sent_at)
            if pause_s < FLUSH_VISIBILITY_S:
                self._queue.hide([parcel], pause_s)

    def _digest(self) -> Process:
        env, parameters, costs = self._env, self._parameters, self._costs
        share = parameters.find_digest_share()
        while True:
            batch = yield from self._gather()
            if not batch:
                continue
            size, began_at = _count(batch), env.now
            self._busy += 1
            self._played.most_busy = max(self._played.most_busy, self._busy)
            waits_until = env.now + parameters.wait_s
            while not self._is_up() and env.now + parameters.wait_step_s < waits_until:
                yield env.timeout(parameters.wait_step_s)
            is_stored = False
            if self._is_up():
                reading_us = (costs.digest_us - costs.digest_transaction_us) * size + costs.fixed_us
                yield env.timeout(reading_us / share / 1e6)
                is_stored = yield from self._store(batch, costs.split_transaction(size, share, costs.digest_database_us))
            if not is_stored:
                for parcel in batch:
                    self._queue.hide([parcel], compute_pause_s(parcel.receives, began_at - parcel.sent_at))
            self._busy -= 1

    def _gather(self) -> Process:
        """Receive until the batch is full or the window is over."""
        env, parameters = self._env, self._parameters
        most = min(parameters.receive_most, parameters.batch)
        batch = self._queue.take(most)
        if not batch:
            yield from self._queue.wait(_POLL_S)
            batch = self._queue.take(most)
            if not batch:
                return []
        closes_at = env.now + parameters.window_s
        yield env.timeout(parameters.call_s)
        while (left := parameters.batch - _count(batch)) > 0 and env.now < closes_at:
            found = self._queue.take(min(most, left))
            batch += found
            if found:
                yield env.timeout(parameters.call_s)
            else:
                yield from self._queue.wait(max(_POLL_STEP_S, min(_POLL_S, closes_at - env.now)))
        return batch

    def _store(self, batch: Sequence[Parcel], takes: Transaction) -> Process:
        """One transaction; whether it was committed. It ends with an outage that begins meanwhile."""
        if not (yield from self._compute(takes.ours_s, takes.database_s)):
            return False
        with self._groups.request() as turn:
            yield turn
            if not (yield from self._compute(takes.locked_ours_s, takes.locked_database_s)):
                return False
        self._queue.delete(batch)
        self._played.stored += _count(batch)
        self._note_recovery()
        return True

    def _compute(self, ours_s: float, database_s: float) -> Process:
        """Our part of a transaction, then PostgreSQL's on one of its processors; whether the database was there until the end."""
        if not self._is_up() or not (yield from self._work(ours_s)):
            return False
        with self._processors.request() as processor:
            yield processor
            return self._is_up() and (yield from self._work(database_s))

    def _work(self, takes_s: float) -> Process:
        """Take time in a transaction; whether the database was there until the end."""
        down_s = self._scenario.down_s
        left_s = down_s - self._env.now if self._env.now < down_s else float("inf")
        yield self._env.timeout(min(takes_s, left_s))
        return takes_s < left_s

    def _note_recovery(self) -> None:
        played, up_s = self._played, self._scenario.up_s
        if played.recovered_s is None and self._env.now >= up_s:
            oldest_at = self._queue.find_oldest_at()
            if oldest_at is None or oldest_at >= up_s:
                played.recovered_s = self._env.now - up_s


def _count(parcels: Sequence[Parcel]) -> int:
    return sum(parcel.count for parcel in parcels)
