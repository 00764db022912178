"""What a played hour means: the figures that people ask for, what limits the rate, and whether anything expires."""

import statistics
from dataclasses import dataclass

from bench._simulation.costs import Costs
from bench._simulation.model import Played, Scenario
from bench._simulation.parameters import Parameters
from tools.cost.bill import INGEST_WAIT_MS, estimate_run_s

_STEADY_S = 600
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one hour. grows: messages a second by which the backlog grew at its end; 0 where it does not.

    expires_after_s: how long the rate may go on until SQS deletes the first message; None: it never does. capacity: events a
    second that each part can store, by its name. ingest_at_once: environments of the function that accepts events.
    """

    most_backlog: int
    most_oldest_s: float
    recovered_s: float | None
    grows: float
    expires_after_s: float | None
    most_receives: int
    ingest_at_once: float
    connections: int
    capacity: dict[str, float]

    def name_limit(self) -> str:
        """The part with the least capacity."""
        return min(self.capacity, key=lambda name: self.capacity[name])


def judge(played: Played, parameters: Parameters, costs: Costs, scenario: Scenario) -> Outcome:
    """Read the figures from a course."""
    capacity = compute_capacity(parameters, costs, scenario.is_shared)
    tail = [sample for sample in played.samples if sample.at_s >= scenario.ends_s - _STEADY_S]
    half = len(tail) // 2
    # Of whole cycles: within one, a backlog rises and falls.
    before, after = (statistics.mean(sample.backlog for sample in part) for part in (tail[:half], tail[half:]))
    grows = max(0.0, (after - before) / (_STEADY_S / 2))
    is_growing = grows > scenario.rate / 100
    ingest_s = estimate_run_s(costs.ingest_us / 1000, INGEST_WAIT_MS, parameters.ingest_mb / 1024)
    return Outcome(
        most_backlog=max(sample.backlog for sample in played.samples),
        most_oldest_s=max(sample.oldest_s for sample in played.samples),
        recovered_s=played.recovered_s,
        grows=grows if is_growing else 0.0,
        # The oldest message is as old as it takes to send the backlog.
        expires_after_s=parameters.retention_s * scenario.rate / grows if is_growing else None,
        most_receives=played.most_receives,
        ingest_at_once=scenario.rate * ingest_s,
        # The monitor uses one connection, each digest another.
        connections=played.most_busy + 1,
        capacity=capacity,
    )


def compute_capacity(parameters: Parameters, costs: Costs, is_shared: bool) -> dict[str, float]:
    """Events a second that the flush and the digests can store without a pause, by what would limit them."""
    monitor, digest = parameters.find_monitor_share(), parameters.find_digest_share()
    if not parameters.digests:
        size = parameters.flush_batch
        ours_us = (costs.flush_us * size + costs.fixed_us) / monitor / size
        transaction_s = costs.split_transaction(size, monitor, costs.flush_database_us).all_s
        receive_us = parameters.call_s * 1e6 / 10 / parameters.flush_receivers
        share = parameters.flush_s / parameters.cycle_s
        return {
            "the flush's CPU": share * 1e6 / ours_us,
            "the flush's transactions": share * size / transaction_s,
            "the flush's requests to SQS": share * 1e6 / receive_us,
        }
    size = parameters.batch
    takes = costs.split_transaction(size, digest, costs.digest_database_us)
    reading_s = ((costs.digest_us - costs.digest_transaction_us) * size + costs.fixed_us) / digest / 1e6
    theirs_us = costs.digest_database_us + (costs.fixed_database_us + costs.waits_us) / size
    found = {
        "the digests' number": parameters.digests * size / (takes.all_s + reading_s),
        "PostgreSQL's CPU": parameters.database_vcpus * 1e6 / theirs_us,
    }
    if is_shared:
        found["transactions that share groups"] = size / takes.locked_s
    return found


def describe_expiry(outcome: Outcome) -> str:
    """Whether anything expires, as text."""
    if outcome.expires_after_s is None:
        return "nothing"
    return f"the first after {outcome.expires_after_s / _DAY_S:.0f} days of this rate"
