"""Sends what the outbox holds: claimed, sent outside of any transaction, marked; tried again for a day."""

import logging
import random
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.alerts.channels import sender_of
from callwatch.alerts.failure import DeliveryFailed
from callwatch.db import connection
from callwatch.db.deliveries import claim_due, mark_failed, mark_later, mark_sent
from callwatch.settings import get_settings

GIVE_UP_AFTER = timedelta(hours=24)
_FIRST_DELAY_S = 15.0
_MOST_DELAY_S = 1800.0
# Longer than sending may take: a claim of a sender that was killed is free again soon after.
_LEASE_S = 30.0
_AT_ONCE = 20
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class DeliveryResult:
    """What one round of sending did."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0


def deliver_due(now: datetime, deadline_s: float) -> DeliveryResult:
    """Send everything due, for at most about `deadline_s`. Raises DatabaseUnavailable before anything is claimed."""
    holder = uuid.uuid4().hex
    deadline = time.monotonic() + deadline_s
    result = DeliveryResult()
    while time.monotonic() < deadline:
        with connection() as conn:
            claimed = claim_due(conn, holder, now, _LEASE_S, _AT_ONCE)
            conn.commit()
        if not claimed:
            break
        by_channel: dict[str, list[dict[str, Any]]] = {}
        for row in claimed:
            by_channel.setdefault(row["channel"], []).append(row)
        # Channels side by side: one that hangs holds up no other.
        with ThreadPoolExecutor(max(1, len(by_channel))) as pool:
            for part in pool.map(lambda rows: _send_all(rows, holder, now), by_channel.values()):
                result.sent += part.sent
                result.postponed += part.postponed
                result.failed += part.failed
    return result


def _send_all(rows: list[dict[str, Any]], holder: str, now: datetime) -> DeliveryResult:
    result = DeliveryResult()
    is_broken = False
    for row in rows:
        # One time-out says enough about a channel for this round; the rest of its rows wait for the next.
        failure = DeliveryFailed("the channel failed a moment ago") if is_broken else _send(row)
        is_broken = is_broken or (failure is not None and not failure.is_permanent)
        _mark(row, failure, holder, now, result)
    return result


def _send(row: Mapping[str, Any]) -> DeliveryFailed | None:
    try:
        sender_of(row["channel"])(row["payload"], row["message_id"], get_settings())
    except DeliveryFailed as failure:
        return failure
    except KeyError:
        return DeliveryFailed(f"there is no channel {row['channel']}", is_permanent=True)
    except Exception as error:
        _log.exception("a channel broke")
        return DeliveryFailed(f"the channel broke ({type(error).__name__})")
    return None


def _mark(row: Mapping[str, Any], failure: DeliveryFailed | None, holder: str, now: datetime, result: DeliveryResult) -> None:
    with connection() as conn:
        if failure is None:
            mark_sent(conn, row["id"], holder)
            result.sent += 1
        elif failure.is_permanent or datetime.now(UTC) - row["created_at"] > GIVE_UP_AFTER:
            mark_failed(conn, row["id"], holder, str(failure))
            result.failed += 1
        else:
            mark_later(conn, row["id"], holder, now + timedelta(seconds=_delay_s(row["attempts"], failure)), str(failure))
            result.postponed += 1
        conn.commit()


def _delay_s(attempts: int, failure: DeliveryFailed) -> float:
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    ceiling_s = min(_MOST_DELAY_S, _FIRST_DELAY_S * 2 ** max(0, attempts - 1))
    return random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - jitter, not a secret
