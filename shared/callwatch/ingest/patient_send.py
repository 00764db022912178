"""Sends into the queue what nobody sends again: while the queue refuses, the sender waits with its request."""

import random
import time
from collections.abc import Sequence

from callwatch import sqs
from callwatch.exceptions import QueueUnavailable

# SDKs hold what is captured meanwhile in queues of their own. The gateway answers for a function after 30 s.
PATIENCE_S = 12.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0


def compute_end_of_patience(work_deadline: float | None) -> float:
    """When to give up, on the monotonic clock. work_deadline: after it, the invocation has no time for another attempt."""
    patient = time.monotonic() + PATIENCE_S
    return patient if work_deadline is None else min(patient, work_deadline)


def send_patiently(queue_url: str | None, bodies: Sequence[str], give_up_at: float) -> None:
    """Put messages into the queue as `sqs.send` does, again and again while another attempt may succeed.

    A queue that wants fewer calls gets no more of them, and one that hangs has cost its time already. Raises QueueUnavailable.
    """
    pause_s = _PAUSE_S
    while True:
        try:
            return sqs.send(queue_url, bodies)
        except QueueUnavailable as error:
            if not error.is_passing or error.is_throttled or error.is_late or time.monotonic() + pause_s > give_up_at:
                raise
            bodies = bodies[-error.unsent :]
        time.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - not a secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
