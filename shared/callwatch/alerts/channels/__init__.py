"""Channels by name, each in a file of its own; a channel without its settings takes no part."""

from collections.abc import Callable, Mapping
from typing import Any

from callwatch.alerts.channels import email, log, pagerduty, slack, sns, webhook
from callwatch.alerts.rule import AlertRule
from callwatch.settings import Settings

Send = Callable[[Mapping[str, Any], str, Settings], None]

# A channel is its `send(payload, message_id, settings)`, which returns nothing or raises DeliveryFailed,
# and its `is_configured(settings)`. The database needs no entry: every alert is kept there before it is sent.
CHANNELS = {
    "log": log,
    "webhook": webhook,
    "email": email,
    "slack": slack,
    "pagerduty": pagerduty,
    "sns": sns,
}


def channels_for(rule: AlertRule, settings: Settings) -> list[str]:
    """The rule's channels that can be used."""
    return [name for name in CHANNELS if name in (*rule.channels, *rule.also) and CHANNELS[name].is_configured(settings)]


def sender_of(channel: str) -> Send:
    """What sends to a channel. Raises KeyError for a name that is no channel any more."""
    send: Send = CHANNELS[channel].send
    return send
