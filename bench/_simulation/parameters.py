"""What the model takes from the product: the template's queue, event source, schedule and memory, and the code's own limits."""

import json
from dataclasses import dataclass
from pathlib import Path

from callwatch import sqs
from callwatch.digest import event_source, flush
from callwatch.monitor.steps import FLUSH_S
from local.api_gateway.template import EventSource, load
from tools.cost.bill import INGEST_WAIT_MS, VCPU_MB
from tools.cost.deployment import MINUTES, read_deployment

ROOT = Path(__file__).resolve().parents[2]
_QUEUE = "ErrorQueue"
# db.m7g.large and db.t4g.medium (docs/cost.md).
_DATABASE_VCPUS = 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """One deployment. digests: ParallelDigest, 0 for the flush alone.

    call_s: duration of one request to SQS. receive_most: messages that a poller gets by one request. other_steps_s: of a cycle,
    besides the flush.
    """

    digests: int
    monitor_mb: int
    digest_mb: int
    ingest_mb: int
    cycle_s: float
    flush_s: float
    flush_batch: int
    flush_receivers: int
    batch: int
    window_s: float
    visibility_s: int
    max_receives: int
    retention_s: int
    wait_s: float
    wait_step_s: float
    call_s: float
    receive_most: int
    database_vcpus: int
    other_steps_s: float = 0.0

    def find_monitor_share(self) -> float:
        """The part of a CPU that the monitor has: Python uses one at most."""
        return min(1.0, self.monitor_mb / VCPU_MB)

    def find_digest_share(self) -> float:
        """The part of a CPU that a digest has."""
        return min(1.0, self.digest_mb / VCPU_MB)


def read_parameters(digests: int, monitor_mb: int | None = None, digest_mb: int | None = None) -> Parameters:
    """Read the template with this ParallelDigest; None: the template's memory.

    SQS's time for a request is what tools/cost assumes. Lambda polls a queue with a fleet of its own, whose speed AWS does not
    state: here one request fills a batch, so that polling is never the limit.
    """
    template = load(ROOT / "template.yaml", {"PARALLEL_DIGEST": str(digests)}, {})
    queue = template.queues[_QUEUE]
    source = next((each for each in template.event_sources if each.queue == _QUEUE), EventSource(_QUEUE, "", 1))
    functions = template.functions
    return Parameters(
        digests=digests,
        monitor_mb=monitor_mb or functions["RunMonitor"].memory_mb,
        digest_mb=digest_mb or functions["DigestErrors"].memory_mb,
        ingest_mb=functions["IngestEnvelope"].memory_mb,
        cycle_s=60 * MINUTES / read_deployment({}).cycles,
        flush_s=FLUSH_S,
        flush_batch=flush.BATCH,
        flush_receivers=flush.RECEIVERS,
        batch=source.batch_size,
        window_s=source.window_s,
        visibility_s=int(queue["VisibilityTimeout"]),
        max_receives=_read_max_receives(queue["RedrivePolicy"]),
        retention_s=int(queue["MessageRetentionPeriod"]),
        wait_s=event_source.WAIT_S,
        wait_step_s=event_source.WAIT_STEP_S,
        call_s=INGEST_WAIT_MS / 1000,
        receive_most=max(sqs.BATCH_MESSAGES, source.batch_size),
        database_vcpus=_DATABASE_VCPUS,
    )


def _read_max_receives(policy: str) -> int:
    return int(json.loads(policy)["maxReceiveCount"])
