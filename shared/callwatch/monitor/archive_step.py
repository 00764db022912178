"""Messages that wait too long in the queues: their samples, and the step that archives them before they expire."""

from collections.abc import Mapping
from datetime import datetime

from callwatch.digest.expiring import LOOK_EVERY_S, ExpiringState, archive_expiring
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import Cycle
from callwatch.settings import get_settings

_LIMIT_S = 8.0
_MIN_S = 4.0
_NOT_YET = Reason("unavailable", "the queue was not read yet")


def archive(cycle: Cycle) -> Mapping[str, object]:
    """Read through the queues that are due. This is the last step, as the least important one."""
    limit_s = cycle.compute_remaining_s(_LIMIT_S)
    if limit_s < _MIN_S:
        return {"skipped": "the cycle had no time left"}
    settings = get_settings()
    addresses = {"dead_letters": settings.dead_letter_queue_url}
    if cycle.uncounted or not cycle.is_database_up:
        # Otherwise the flush drains the errors, and the function for critical errors drains those.
        addresses |= {"errors": settings.error_queue_url, "critical": settings.critical_queue_url}
    # A look of before would grow older forever.
    state = cycle.state.expiring
    state.drained = frozenset(LOOK_EVERY_S) - set(addresses)
    for name in state.drained:
        state.looks.pop(name, None)
    queues = [(name, url) for name, url in addresses.items() if url]
    return {"archived": archive_expiring(state, settings.archive_url, queues, cycle.now, limit_s)}


def measure_expiring(state: ExpiringState, now: datetime) -> list[Sample]:
    """The age of the oldest message of each queue that was read, and the number of messages in the archive."""
    samples = []
    for name in LOOK_EVERY_S:
        look = state.looks.get(name)
        if look is not None:
            age_s = max(0.0, (now - look.oldest_at).total_seconds()) if look.oldest_at else 0.0
            samples.append(Sample("queue.waiting_age_s", age_s, labels={"queue": name}, since=look.oldest_at))
        elif name == "dead_letters":
            samples.append(Sample("queue.waiting_age_s", None, _NOT_YET, {"queue": name}))
        elif name in state.drained:
            samples.append(Sample("queue.waiting_age_s", 0.0, labels={"queue": name}))
        else:
            # A process that began a minute ago has not looked: what fires goes on.
            samples.append(Sample("queue.waiting_age_s", None, labels={"queue": name}, inconclusive=_NOT_YET))
    if get_settings().archive_url:
        reason = Reason("unavailable", state.why) if state.archived is None and state.why else None
        samples.append(Sample("queue.archived_messages", None if state.archived is None else float(state.archived), reason))
    return samples
