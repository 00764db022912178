"""Delivers without an outbox: notifications are kept in memory, and each channel's delivery is retried until it is sent."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from callwatch.alerts.notifications.backoff import compute_delay_s
from callwatch.alerts.notifications.channel_worker import try_once
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.alerts.notifications.webhook_client import TIMEOUT_S
from callwatch.alerts.outage.records import Notice, Share
from callwatch.deadline import run_within
from callwatch.settings import Settings
from callwatch.times import format_time


def create_notification(alert_id: str, number: int, payload: dict[str, Any], channels: Iterable[str], now: datetime) -> Notice:
    """Create the alert's `number`th notification for these channels, not attempted yet."""
    shares: dict[str, Share] = {
        channel: {
            "message_id": build_message_id(alert_id, channel, "" if number == 1 else str(number)),
            "attempts": 0,
            "next_at": format_time(now),
            "sent_at": None,
            "error": None,
            "is_failed": False,
        }
        for channel in channels
    }
    return {"number": number, "at": format_time(now), "payload": payload, "channels": shares}


def build_message_id(alert_id: str, channel: str, which: str = "") -> str:
    """Build a message id: a webhook's first notification has the alert's own id, any other adds a suffix."""
    parts = [alert_id, which, "" if channel == "webhook" else channel]
    return ":".join(part for part in parts if part)


def is_open(share: Share) -> bool:
    """Whether a channel's delivery is still to be sent."""
    return share["sent_at"] is None and not share["is_failed"]


def send_now(notices: Sequence[Notice], settings: Settings, now: datetime, deadline_s: float) -> list[str]:
    """Attempt what is due on all channels at once for at most `deadline_s`; writes the results into the entries.

    Returns the channels that accepted one. A channel that hangs is abandoned, and retried under the same id.
    """
    began = time.monotonic()
    due = [
        (notice["payload"], channel, share)
        for notice in notices
        for channel, share in notice["channels"].items()
        if is_open(share) and datetime.fromisoformat(share["next_at"]) <= now
    ]
    attempts: dict[int, Callable[[], DeliveryFailed | None]] = {}
    for number, (payload, channel, share) in enumerate(due):
        share["attempts"] += 1
        _note(share, DeliveryFailed("the channel did not respond in time"), settings, now)
        attempts[number] = partial(try_once, channel, payload, share["message_id"], settings, min(TIMEOUT_S, deadline_s))
    for number, ended in run_within(deadline_s, attempts):
        # A receiver's Retry-After counts from its response.
        _note(due[number][2], ended.value, settings, now + timedelta(seconds=time.monotonic() - began))
    return sorted(channel for _payload, channel, share in due if share["sent_at"])


def _note(share: Share, failure: DeliveryFailed | None, settings: Settings, now: datetime) -> None:
    if failure is None:
        share |= {"sent_at": format_time(now), "error": None}
        return
    share["error"] = clean_error(str(failure), settings)
    share["is_failed"] = failure.is_permanent
    share["next_at"] = format_time(now + timedelta(seconds=compute_delay_s(share["attempts"], failure)))
