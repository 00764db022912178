"""How long to wait after a failure, of one delivery or of a whole channel."""

import random
from datetime import timedelta

from callwatch.alerts.notifications.delivery_failed import DeliveryFailed

# Counted from a delivery's first attempt, minus the time that a breaker held it.
MAX_RETRY_TIME = timedelta(hours=24)
# A notification older than this helps nobody, for whatever reason it waited.
MAX_AGE = timedelta(days=3)
OPENS_AFTER = 3
_FIRST_DELAY_S, _MAX_DELAY_S = 15.0, 1800.0
_FIRST_HOLD_S, _MAX_HOLD_S = 30.0, 300.0


def compute_delay_s(attempts: int, failure: DeliveryFailed) -> float:
    """Seconds until the next attempt: as the receiver asks, otherwise doubled each time, with jitter."""
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    return _add_jitter(min(_MAX_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(20, max(0, attempts - 1))))


def compute_hold_s(failures: int, failure: DeliveryFailed) -> float | None:
    """Seconds to hold a channel after this many consecutive failures; None: it continues.

    A receiver that names a time, or rejects everything, holds the channel at once.
    """
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    if failure.is_permanent:
        return _add_jitter(_MAX_HOLD_S) if failure.is_channel_wide else None
    if failures < OPENS_AFTER:
        return None
    return _add_jitter(min(_MAX_HOLD_S, _FIRST_HOLD_S * 2.0 ** min(20, failures - OPENS_AFTER)))


def _add_jitter(ceiling_s: float) -> float:
    return random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - jitter, not a secret
