"""Channels by name, one file each; a channel without its settings is not used."""

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
from callwatch.alerts.notifications.notification import Notification
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
# The kind of a channel whose name is not its kind.
KINDS: Mapping[str, str] = {}
# Channels that need a gap in seconds between two messages.
GAP_S = {"slack": slack.GAP_S, "teams": teams.GAP_S, "discord": discord.GAP_S, "telegram": telegram.GAP_S}


def list_channels(rule: AlertRule, settings: Settings, labels: Mapping[str, str] | None = None) -> list[str]:
    """Return the rule's configured channels; an alert about a channel is not sent through it."""
    about = (labels or {}).get("channel") if rule.id == CHANNEL_BROKEN else None
    return [name for name in CHANNELS if name in (*rule.channels, *rule.also) and is_configured(name, settings) and name != about]


def is_configured(channel: str, settings: Settings) -> bool:
    """Whether a channel exists and has the settings it needs."""
    return channel in CHANNELS and CHANNELS[channel].is_configured(settings)


def find_sender(channel: str) -> Send:
    """Return the function that sends to a channel. Raises KeyError for an unknown name."""
    send: Send = CHANNELS[channel].send
    return send
