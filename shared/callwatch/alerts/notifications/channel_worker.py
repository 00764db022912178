"""One channel's worker: a thread that sends a batch in order and does not touch the database."""

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callwatch.alerts.notifications import status_webhook
from callwatch.alerts.notifications.backoff import OPENS_AFTER
from callwatch.alerts.notifications.channels import find_gap_s, find_sender, is_configured, replay
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.notification import load_notification
from callwatch.alerts.notifications.report_mail import is_report, send_report
from callwatch.alerts.notifications.webhook_client import TIMEOUT_S
from callwatch.db.alert_queries.delivery_claims import ClaimedDelivery
from callwatch.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one delivery; is_tried False: it was not attempted and stays due."""

    channel: str
    row: ClaimedDelivery
    failure: DeliveryFailed | None = None
    is_tried: bool = True


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """A worker has ended; is_stopped: it left deliveries behind, and the channel is done for this round."""

    channel: str
    is_stopped: bool


Outcomes = queue.SimpleQueue[Outcome | WorkerEnd]


@dataclass(frozen=True, slots=True)
class Batch:
    """Claimed deliveries of one channel, in order.

    deadline: on the monotonic clock; no delivery starts with less than `min_s` left.
    """

    channel: str
    rows: Sequence[ClaimedDelivery]
    deadline: float
    min_s: float


def start_worker(batch: Batch, settings: Settings, stopped: threading.Event, outcomes: Outcomes) -> None:
    """Send a batch in a thread; `outcomes` receives the outcome of each delivery and then the worker's end.

    The thread is a daemon, so that a channel that hangs past its timeout does not block the round.
    """
    channel = batch.channel

    def run() -> None:
        is_stopped, failures = False, 0
        for index, row in enumerate(batch.rows):
            if index and not is_stopped:
                stopped.wait(find_gap_s(channel))
            left_s = batch.deadline - time.monotonic()
            is_stopped = is_stopped or left_s < batch.min_s or stopped.is_set()
            if is_stopped:
                outcomes.put(Outcome(channel, row, is_tried=False))
                continue
            failure = try_once(channel, row["payload"], row["message_id"], settings, min(TIMEOUT_S, left_s))
            failures = failures + 1 if failure and not failure.is_permanent else 0
            outcomes.put(Outcome(channel, row, failure))
            is_stopped = failure is not None and _is_enough(failure, failures)
        outcomes.put(WorkerEnd(channel, is_stopped))

    threading.Thread(target=run, name=f"send {channel}", daemon=True).start()


def try_once(
    channel: str, payload: Mapping[str, object], message_id: str, settings: Settings, timeout_s: float
) -> DeliveryFailed | None:
    """Send one notification, report, replay or message to a subscriber; returns the failure, or None."""
    if not _is_ready(channel, settings):
        return DeliveryFailed(f"the channel {channel} is no longer configured", is_permanent=True)
    try:
        if status_webhook.is_subscriber(channel):
            status_webhook.send(payload, message_id, settings, timeout_s)
        elif channel == replay.CHANNEL:
            replay.send(payload, message_id, settings, timeout_s)
        elif is_report(payload):
            send_report(channel, payload, message_id, settings, timeout_s)
        else:
            find_sender(channel)(load_notification(payload), message_id, settings, timeout_s)
    except DeliveryFailed as failure:
        return failure
    except Exception as error:
        # The error's text may hold private data; the class is enough.
        _log.error("a channel raised an unexpected error", extra={"channel": channel, "error": type(error).__name__})
        return DeliveryFailed(f"the channel raised an unexpected error ({type(error).__name__})")
    return None


def _is_ready(channel: str, settings: Settings) -> bool:
    if channel == replay.CHANNEL:
        return replay.is_configured(settings)
    return status_webhook.is_subscriber(channel) or is_configured(channel, settings)


def _is_enough(failure: DeliveryFailed, failures: int) -> bool:
    return failure.is_channel_wide or failure.retry_after_s is not None or failures >= OPENS_AFTER
