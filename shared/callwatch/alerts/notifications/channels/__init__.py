"""Channels by name, a file for each kind; a channel without its settings is not used."""

from collections.abc import Callable, Mapping

from callwatch.alerts.notifications.channels import (
    alertmanager,
    discord,
    email,
    log,
    matrix,
    ntfy,
    opsgenie,
    pagerduty,
    pushover,
    slack,
    sns,
    teams,
    telegram,
    webhook,
)
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.take_link import add_take_link
from callwatch.alerts.rules.rule import CHANNEL_BROKEN, AlertRule
from callwatch.settings import Settings

Send = Callable[[Notification, str, Settings, float], None]

# A channel has `send(notification, message_id, settings, timeout_s)`, which returns nothing or raises DeliveryFailed, and
# `is_configured(settings)`. The database is not in this list: nothing is sent to it (see channels/database.py).
CHANNELS = {
    "log": log,
    "webhook": webhook,
    "email": email,
    "slack": slack,
    "pagerduty": pagerduty,
    "sns": sns,
    "teams": teams,
    "discord": discord,
    "telegram": telegram,
    "ntfy": ntfy,
    "opsgenie": opsgenie,
    "pushover": pushover,
    "matrix": matrix,
    "alertmanager": alertmanager,
}
# The variables that a channel cannot do without; of several in parentheses one is enough.
NEEDS: Mapping[str, tuple[str | tuple[str, ...], ...]] = {
    "webhook": ("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"),
    "email": (("SENDGRID_API_KEY", "SMTP_URL", "SES_REGION"), "ALERT_EMAIL_TO", "ALERT_EMAIL_FROM"),
    "slack": ("SLACK_ALERT_WEBHOOK",),
    "pagerduty": ("PAGERDUTY_ROUTING_KEY",),
    "sns": ("ALERT_SNS_TOPIC_ARN",),
    "teams": ("TEAMS_ALERT_WEBHOOK",),
    "discord": ("DISCORD_ALERT_WEBHOOK",),
    "telegram": ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"),
    "ntfy": ("NTFY_URL",),
    "opsgenie": ("OPSGENIE_API_KEY",),
    "pushover": ("PUSHOVER_APP_TOKEN", "PUSHOVER_USER_KEY"),
    "matrix": ("MATRIX_URL", "MATRIX_ACCESS_TOKEN", "MATRIX_ROOM_ID"),
    "alertmanager": ("ALERTMANAGER_URL",),
}
# Channels that need a gap in seconds between two messages.
GAP_S = {"slack": slack.GAP_S, "teams": teams.GAP_S, "discord": discord.GAP_S, "telegram": telegram.GAP_S}


def list_names(settings: Settings) -> list[str]:
    """List the channel of each kind, and the further ones that the settings name, such as "slack:ops"."""
    return [*CHANNELS, *(name for name in settings.named_channels if find_kind(name) in CHANNELS)]


def list_channels(rule: AlertRule, settings: Settings, labels: Mapping[str, str] | None = None) -> list[str]:
    """Return the rule's configured channels; an alert about a channel is not sent through it."""
    about = (labels or {}).get("channel") if rule.id == CHANNEL_BROKEN else None
    wanted = {*rule.channels, *rule.also}
    return [name for name in list_names(settings) if name in wanted and is_configured(name, settings) and name != about]


def find_kind(channel: str) -> str:
    """Return the kind of a channel: slack of "slack" and of "slack:ops"."""
    return channel.partition(":")[0]


def find_settings(channel: str, settings: Settings) -> Settings | None:
    """Return the settings that a channel is sent with; None for an unknown name, and for one whose settings are bad."""
    return settings.named_channels.get(channel) if ":" in channel else settings


def find_gap_s(channel: str) -> float:
    """Return the gap between two messages of a channel."""
    return GAP_S.get(find_kind(channel), 0.0)


def is_configured(channel: str, settings: Settings) -> bool:
    """Whether a channel exists and has the settings it needs."""
    own = find_settings(channel, settings)
    return own is not None and find_kind(channel) in CHANNELS and CHANNELS[find_kind(channel)].is_configured(own)


def find_sender(channel: str) -> Send:
    """Return the function that sends to a channel. Raises KeyError for an unknown kind."""
    send_by_kind: Send = CHANNELS[find_kind(channel)].send

    def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
        own = find_settings(channel, settings)
        if own is None:
            raise DeliveryFailed(f"the channel {channel} is no longer configured", is_permanent=True)
        send_by_kind(add_take_link(notification, channel, message_id, own), message_id, own, timeout_s)

    return send
