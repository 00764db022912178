"""Sending without an outbox: notices held in memory, each channel's share tried until it is through.

A notice: {number, at, payload, channels: {<channel>: {message_id, attempts, next_at, sent_at, error, is_failed}}},
all of it JSON.
"""

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.backoff import delay_s
from callwatch.alerts.failure import DeliveryFailed, clean_error
from callwatch.alerts.lane import try_once
from callwatch.alerts.message import iso
from callwatch.alerts.post import TIMEOUT_S
from callwatch.settings import Settings

_Outcome = tuple[dict[str, Any], DeliveryFailed | None]


def new_notice(alert_id: str, number: int, payload: dict[str, Any], channels: Iterable[str], now: datetime) -> dict[str, Any]:
    """The alert's `number`th notification, for these channels, not tried yet."""
    shares = {
        channel: {
            "message_id": message_id_of(alert_id, channel, "" if number == 1 else str(number)),
            "attempts": 0,
            "next_at": iso(now),
            "sent_at": None,
            "error": None,
            "is_failed": False,
        }
        for channel in channels
    }
    return {"number": number, "at": iso(now), "payload": payload, "channels": shares}


def message_id_of(alert_id: str, channel: str, which: str = "") -> str:
    """A webhook's first notification carries the alert's own id; any other is told apart."""
    parts = [alert_id, which, "" if channel == "webhook" else channel]
    return ":".join(part for part in parts if part)


def is_open(share: dict[str, Any]) -> bool:
    """Whether a channel's share is still to be sent."""
    return share["sent_at"] is None and not share["is_failed"]


def send_now(notices: Sequence[dict[str, Any]], settings: Settings, now: datetime, deadline_s: float) -> list[str]:
    """Try what is due, all channels at once, for at most `deadline_s`; writes into the notices what became of it.

    Returns the channels that took one. What hangs is left behind, and tried again under the same id.
    """
    began = time.monotonic()
    due = [
        (notice["payload"], channel, share)
        for notice in notices
        for channel, share in notice["channels"].items()
        if is_open(share) and datetime.fromisoformat(share["next_at"]) <= now
    ]
    outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
    for payload, channel, share in due:
        share["attempts"] += 1
        _note(share, DeliveryFailed("the channel did not come back in time"), settings, now)
        given = (payload, channel, share, settings, min(TIMEOUT_S, deadline_s), outcomes)
        threading.Thread(target=_send, args=given, daemon=True).start()
    for _share in due:
        try:
            share, failure = outcomes.get(timeout=max(0.0, began + deadline_s - time.monotonic()))
        except queue.Empty:
            break
        # What a receiver asks for counts from its answer.
        _note(share, failure, settings, now + timedelta(seconds=time.monotonic() - began))
    return sorted(channel for _payload, channel, share in due if share["sent_at"])


def _send(
    payload: dict[str, Any],
    channel: str,
    share: dict[str, Any],
    settings: Settings,
    timeout_s: float,
    outcomes: "queue.SimpleQueue[_Outcome]",
) -> None:
    outcomes.put((share, try_once(channel, payload, share["message_id"], settings, timeout_s)))


def _note(share: dict[str, Any], failure: DeliveryFailed | None, settings: Settings, now: datetime) -> None:
    if failure is None:
        share |= {"sent_at": iso(now), "error": None}
        return
    share["error"] = clean_error(str(failure), settings)
    share["is_failed"] = failure.is_permanent
    share["next_at"] = iso(now + timedelta(seconds=delay_s(share["attempts"], failure)))
