"""Telegram by a bot (method sendMessage), as plain text."""

import json
from typing import Any

from callwatch.alerts.notifications.channels.wording import add_link, list_links, render_plain_text
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post
from callwatch.settings import Settings

# Telegram accepts one message per second in a chat.
GAP_S = 1.0
# From the reference of sendMessage; Telegram counts UTF-16 units, of which a character has at most two.
_MAX_UNITS = 4096


def is_configured(settings: Settings) -> bool:
    """Whether a bot and a chat are set."""
    return bool(settings.telegram_bot_token and settings.telegram_chat_id)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one message. Raises DeliveryFailed; 401 and 404 mean a wrong token, 403 that the bot is not in the chat."""
    body = json.dumps(build_body(notification, settings)).encode()
    address = f"{settings.telegram_api_url}/bot{settings.telegram_bot_token}/sendMessage"
    post(address, body, {"content-type": "application/json"}, timeout_s)


def build_body(notification: Notification, settings: Settings) -> dict[str, Any]:
    """Build the message; a resolved alert makes no sound."""
    return {
        "chat_id": settings.telegram_chat_id,
        "text": _fit(notification, render_plain_text(notification, settings.timezone)),
        "link_preview_options": {"is_disabled": True},
        "disable_notification": notification.kind in ("alert.resolved", "alert.acknowledged"),
    }


def _fit(notification: Notification, text: str) -> str:
    """Cut a text to what one message holds, with the link to the rest."""
    links, most = list_links(notification), _MAX_UNITS
    while _count_units(fitted := add_link(text, links, most)) > _MAX_UNITS:
        most -= max(1, (_count_units(fitted) - _MAX_UNITS) // 2)
    return fitted


def _count_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
