"""What the monitor remembers from one cycle to the next; everything else it reads from the database."""

from dataclasses import dataclass, field
from datetime import datetime

from callwatch.alerts.outage.outage import DATABASE, EVALUATION, OutageMemory
from callwatch.digest.expiring import ExpiringState
from callwatch.digest.unstored import UnstoredElsewhere, UnstoredMessages


@dataclass(slots=True)
class MonitorState:
    """The memory of one execution environment's monitor; a new environment starts over, at the cost stated here.

    lease_holder: the holder of a lease that could not be released because the database failed. A new environment waits until
    that lease expires. lock_held_since: since when evaluations found their lock held; a new environment waits as long again.
    unstored: messages that were received and could not be stored, while the queue hides them. unstored_elsewhere: the same of
    the digests that an event source runs, as far as the monitor can know. expiring: when each queue was
    last read through. database_outage, evaluation_outage: what was notified without the outbox; a file keeps them too.
    """

    lease_holder: str | None = None
    lock_held_since: datetime | None = None
    unstored: UnstoredMessages = field(default_factory=UnstoredMessages)
    unstored_elsewhere: UnstoredElsewhere = field(default_factory=UnstoredElsewhere)
    expiring: ExpiringState = field(default_factory=ExpiringState)
    database_outage: OutageMemory = field(default_factory=lambda: OutageMemory(DATABASE))
    evaluation_outage: OutageMemory = field(default_factory=lambda: OutageMemory(EVALUATION))

    @property
    def outages(self) -> tuple[OutageMemory, ...]:
        """What is remembered of each kind of outage."""
        return self.database_outage, self.evaluation_outage
