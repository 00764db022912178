"""How long to wait after a failure: of one delivery, and of a channel as a whole."""

import random
from datetime import timedelta

from callwatch.alerts.failure import DeliveryFailed

# Counted from a delivery's first try, less the time that a breaker held it.
TRIED_FOR = timedelta(hours=24)
# News of three days ago helps nobody, whatever it waited for.
TOLD_WITHIN = timedelta(days=3)
OPENS_AFTER = 3
_FIRST_DELAY_S, _MOST_DELAY_S = 15.0, 1800.0
_FIRST_HOLD_S, _MOST_HOLD_S = 30.0, 300.0


def delay_s(attempts: int, failure: DeliveryFailed) -> float:
    """Until a delivery is tried again: what the receiver asked for, else twice as long each time, with jitter."""
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    return _jittered(min(_MOST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(20, max(0, attempts - 1))))


def hold_s(failures: int, failure: DeliveryFailed) -> float | None:
    """How long a channel is held after so many failures in a row; None: it goes on.

    A receiver that names a time, or refuses everything, is believed at once.
    """
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    if failure.is_permanent:
        return _jittered(_MOST_HOLD_S) if failure.is_channel_wide else None
    if failures < OPENS_AFTER:
        return None
    return _jittered(min(_MOST_HOLD_S, _FIRST_HOLD_S * 2.0 ** min(20, failures - OPENS_AFTER)))


def _jittered(ceiling_s: float) -> float:
    return random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - jitter, not a secret
