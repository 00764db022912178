"""Channels by name, each in a file of its own; a channel without its settings takes no part."""

from collections.abc import Callable, Mapping
from typing import Any

from callwatch.alerts.channels import email, log, pagerduty, slack, sns, webhook
from callwatch.alerts.rule import CHANNEL_BROKEN, AlertRule
from callwatch.settings import Settings

Send = Callable[[Mapping[str, Any], str, Settings, float], None]

# A channel is its `send(payload, message_id, settings, timeout_s)`, which returns nothing or raises DeliveryFailed,
# and its `is_configured(settings)`. The database stands apart: nothing is sent to it (see channels/database.py).
CHANNELS = {
    "log": log,
    "webhook": webhook,
    "email": email,
    "slack": slack,
    "pagerduty": pagerduty,
    "sns": sns,
}
# Channels that take so many seconds from one message to the next.
GAP_S = {"slack": slack.GAP_S}


def channels_for(rule: AlertRule, settings: Settings, labels: Mapping[str, str] | None = None) -> list[str]:
    """The rule's channels that can be used; what is said of a channel is not said through it."""
    about = (labels or {}).get("channel") if rule.id == CHANNEL_BROKEN else None
    return [name for name in CHANNELS if name in (*rule.channels, *rule.also) and is_configured(name, settings) and name != about]


def is_configured(channel: str, settings: Settings) -> bool:
    """Whether a channel is there, and has what it needs."""
    return channel in CHANNELS and CHANNELS[channel].is_configured(settings)


def sender_of(channel: str) -> Send:
    """What sends to a channel. Raises KeyError for a name that is no channel any more."""
    send: Send = CHANNELS[channel].send
    return send
