"""Drains the queue into PostgreSQL: committed before deleted, so that a crash repeats and never loses."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from callwatch import queue
from callwatch.db import connection
from callwatch.queue import QueueMessage
from callwatch.settings import get_settings
from callwatch.tracker.digest import Digested, digest

BATCH = 1_000
_RECEIVERS = 8
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class FlushResult:
    """What one flush did; is_drained: the queue had nothing more to give."""

    received: int = 0
    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poisoned: int = 0
    is_drained: bool = False


def flush(now: datetime, deadline_s: float) -> FlushResult:
    """Drain the error queue, and what is left in the critical one, for at most about `deadline_s`.

    Raises DatabaseUnavailable before anything is received: an outage must not wear good messages out.
    Raises QueueUnavailable where the queue does not answer.
    """
    settings = get_settings()
    deadline = time.monotonic() + deadline_s
    with connection():
        pass
    total = FlushResult()
    with ThreadPoolExecutor(_RECEIVERS, thread_name_prefix="receive") as pool:
        while time.monotonic() < deadline:
            messages = _receive(settings.error_queue_url, pool)
            if not messages:
                total.is_drained = True
                break
            _add(total, store(settings.error_queue_url, messages, now), len(messages))
    return total


def store(queue_url: str | None, messages: Sequence[QueueMessage], now: datetime) -> Digested:
    """Digest received messages, commit, and only then delete them. Poison goes to the dead letters first, alone."""
    done = digest([message.body for message in messages], now)
    for body, reason in done.poison:
        _log.warning("a message goes to the dead letters: %s", reason)
        queue.dead_letter(get_settings().dead_letter_queue_url, body, reason)
    queue.delete(queue_url, [message.receipt_handle for message in messages])
    return done


def _receive(queue_url: str | None, pool: ThreadPoolExecutor) -> list[QueueMessage]:
    """Up to a batch; receivers work side by side, and stop when one of them finds nothing."""
    messages: list[QueueMessage] = []
    while len(messages) < BATCH:
        rounds = min(_RECEIVERS, -(-(BATCH - len(messages)) // queue.BATCH_MESSAGES))
        found = list(pool.map(lambda _: queue.receive(queue_url), range(rounds)))
        messages += [message for part in found for message in part]
        if not all(found):
            break
    return messages


def _add(total: FlushResult, done: Digested, received: int) -> None:
    total.received += received
    total.errors += done.errors
    total.requests += done.requests
    total.duplicates += done.duplicates
    total.poisoned += len(done.poison)
