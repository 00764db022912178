"""One channel's share of a round of sending: a thread that sends a batch in order, and touches no database."""

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwatch.alerts.backoff import OPENS_AFTER
from callwatch.alerts.channels import GAP_S, is_configured, sender_of
from callwatch.alerts.failure import DeliveryFailed
from callwatch.alerts.post import TIMEOUT_S
from callwatch.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery; is_tried False: it was not begun, and is somebody else's turn."""

    channel: str
    row: Mapping[str, Any]
    failure: DeliveryFailed | None = None
    is_tried: bool = True


@dataclass(frozen=True, slots=True)
class LaneEnd:
    """A lane has nothing left; is_stopped: it left deliveries, and the channel has had enough for this round."""

    channel: str
    is_stopped: bool


Outcomes = queue.SimpleQueue[Outcome | LaneEnd]


def start_lane(
    channel: str,
    rows: Sequence[Mapping[str, Any]],
    settings: Settings,
    deadline: float,
    least_s: float,
    stopped: threading.Event,
    outcomes: Outcomes,
) -> None:
    """Send in a thread of its own; each delivery's outcome, then the lane's end, goes to `outcomes`.

    deadline: on the monotonic clock; nothing is begun with less than `least_s` left. The thread is a daemon: a
    channel that hangs in spite of its time-out is left behind.
    """

    def run() -> None:
        is_stopped, failures = False, 0
        for index, row in enumerate(rows):
            if index and not is_stopped:
                stopped.wait(GAP_S.get(channel, 0.0))
            left_s = deadline - time.monotonic()
            is_stopped = is_stopped or left_s < least_s or stopped.is_set()
            if is_stopped:
                outcomes.put(Outcome(channel, row, is_tried=False))
                continue
            failure = try_once(channel, row["payload"], row["message_id"], settings, min(TIMEOUT_S, left_s))
            failures = failures + 1 if failure and not failure.is_permanent else 0
            outcomes.put(Outcome(channel, row, failure))
            is_stopped = failure is not None and _is_enough(failure, failures)
        outcomes.put(LaneEnd(channel, is_stopped))

    threading.Thread(target=run, name=f"send {channel}", daemon=True).start()


def try_once(
    channel: str, payload: Mapping[str, Any], message_id: str, settings: Settings, timeout_s: float
) -> DeliveryFailed | None:
    """Send one notification; what went wrong, or None."""
    if not is_configured(channel, settings):
        return DeliveryFailed(f"the channel {channel} is not configured any more", is_permanent=True)
    try:
        sender_of(channel)(payload, message_id, settings, timeout_s)
    except DeliveryFailed as failure:
        return failure
    except Exception as error:
        # Its text may hold anything; the class says enough.
        _log.error("a channel broke", extra={"channel": channel, "error": type(error).__name__})
        return DeliveryFailed(f"the channel broke ({type(error).__name__})")
    return None


def _is_enough(failure: DeliveryFailed, failures: int) -> bool:
    return failure.is_channel_wide or failure.retry_after_s is not None or failures >= OPENS_AFTER
