"""Telegram by a bot (method sendMessage), as plain text."""

from callwatch.alerts.notifications.channels.wording import fit_text, list_links, render_plain_text
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
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
    address = f"{settings.telegram_api_url}/bot{settings.telegram_bot_token}/sendMessage"
    post_json(address, build_body(notification, settings), timeout_s)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message; a resolved alert makes no sound."""
    plain = render_plain_text(notification, settings.timezone)
    return {
        "chat_id": settings.telegram_chat_id,
        "text": fit_text(plain, list_links(notification), _MAX_UNITS, count_units),
        "link_preview_options": {"is_disabled": True},
        "disable_notification": notification.kind in ("alert.resolved", "alert.acknowledged"),
    }


def count_units(text: str) -> int:
    """Count the UTF-16 units of a text."""
    return len(text.encode("utf-16-le")) // 2
