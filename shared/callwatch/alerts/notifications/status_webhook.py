"""Webhooks to the subscribers of the public status page, each a channel `status:<id>` with a breaker and a secret of its own.

They go through the outbox as notifications do, and are no channels of rules. A subscriber's secret is derived from its salt by
STATUS_WEBHOOK_SECRET, so that nobody stores it.
"""

import base64
import hmac
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.notifications.channels.webhook import sign_headers
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.webhook_client import post
from callwatch.db.alert_queries.channel_states import ChannelState
from callwatch.db.alert_queries.delivery_claims import ClaimedDelivery
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.status_subscribers import find_target, switch_off
from callwatch.db.queries.retention_clock import read_believable_time
from callwatch.settings import Settings

CHANNEL_KIND = "status"
KIND = "status.published"
# A delivery is retried for a day; a receiver that got nothing for a week is gone.
SWITCHED_OFF_AFTER = timedelta(days=7)
# Each has a thread and a connection for as long as it takes to respond.
MAX_AT_ONCE = 20
_PREFIX = f"{CHANNEL_KIND}:"
_TARGET = "target"
_log = logging.getLogger(__name__)


def name_channel(subscriber_id: int) -> str:
    """The name of a subscriber's channel."""
    return f"{_PREFIX}{subscriber_id}"


def is_subscriber(channel: str) -> bool:
    """Whether a channel is a subscriber's."""
    return channel.startswith(_PREFIX)


def select_channels(
    due: Sequence[str], busy: Iterable[str], states: Mapping[str, ChannelState], settings: Settings, now: datetime
) -> list[str]:
    """The channels to send to next: all but subscribers, then as many of these as may be served at once.

    Those that fail come last, so that they take the place of none that works. Where the page is off, or no secret to sign with
    is set, what waits for subscribers stays in the outbox, for another process. busy: channels that are being served.
    """
    others = [channel for channel in due if not is_subscriber(channel)]
    if not settings.status_page_file or not settings.status_webhook_secret:
        return others

    def rank(channel: str) -> tuple[bool, bool]:
        state = states.get(channel)
        is_held = state is not None and state["open_until"] is not None and state["open_until"] > now
        return is_held, state is not None and state["failures"] > 0

    free = max(0, MAX_AT_ONCE - sum(map(is_subscriber, busy)))
    return others + sorted(filter(is_subscriber, due), key=rank)[:free]


def derive_secret(salt: str, server_secret: str) -> bytes:
    """Return the 32 bytes by which the messages to one subscriber are signed."""
    # A key of its own, so that no other use of the server's secret can make one.
    key = hmac.digest(server_secret.encode(), b"callwatch status subscriber v1", "sha256")
    return hmac.digest(key, salt.encode(), "sha256")


def format_secret(secret: bytes) -> str:
    """A secret as Standard Webhooks writes it: whsec_ + base64."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def add_targets(conn: AnyConnection, channel: str, rows: list[ClaimedDelivery]) -> list[ClaimedDelivery]:
    """Add to claimed deliveries of a subscriber where it is reached now; those of other channels stay as they are.

    The outbox holds no address, so none outlives its subscriber.
    """
    if not rows or not is_subscriber(channel):
        return rows
    target = find_target(conn, int(channel.removeprefix(_PREFIX)))
    return [{**row, "payload": {**row["payload"], _TARGET: target}} for row in rows]


def send(payload: Mapping[str, Any], message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post the body, with the same id on every retry. Raises DeliveryFailed."""
    target = payload[_TARGET]
    if target is None:
        raise DeliveryFailed("the subscriber was removed or switched off", is_permanent=True)
    content = {name: value for name, value in payload.items() if name != _TARGET}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    secrets = [derive_secret(target["salt"], each) for each in settings.status_webhook_secret or ()]
    headers = sign_headers(secrets, message_id, body)
    try:
        post(target["url"], body, headers, timeout_s, settings.webhook_allowed_networks, is_public_only=True)
    except DeliveryFailed as failure:
        # The words of a stranger's server may quote its address; and who refuses one message refuses all of this form.
        said = str(failure).partition(": ")[0]
        raise DeliveryFailed(said, failure.is_permanent, failure.retry_after_s, failure.is_permanent) from None


def switch_off_failing(conn: AnyConnection, channel: str, now: datetime) -> None:
    """Switch off the subscriber of a channel whose delivery was given up, if none has succeeded for a week.

    Other channels stay as they are. The caller commits.
    """
    if is_subscriber(channel):
        before = read_believable_time(conn, now) - SWITCHED_OFF_AFTER
        if switch_off(conn, int(channel.removeprefix(_PREFIX)), channel, before, now):
            _log.error("a subscriber of the status page is switched off", extra={"channel": channel})
