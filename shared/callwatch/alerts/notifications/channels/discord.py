"""Discord by a webhook of a channel, as one embed."""

from callwatch.alerts.notifications.channels.wording import (
    add_link,
    list_notes,
    list_short_links,
    render_headline,
    render_lead,
    render_rows,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings
from callwatch.times import format_time

# Discord accepts 30 messages a minute from a webhook.
GAP_S = 2.0
_COLORS = {"critical": 0xB42318, "error": 0xB54708, "warning": 0x854A0E, "info": 0x175CD3}
_CALM = {"alert.resolved": 0x067647, "alert.ended": 0x475467, "alert.acknowledged": 0x475467, "alert.test": 0x5925DC}
# Lengths from Discord's reference of webhooks and embeds; an embed may have 6,000 characters in all.
_MAX_CONTENT, _MAX_TITLE, _MAX_DESCRIPTION = 2000, 256, 3000
_MAX_FIELDS, _MAX_FIELD_NAME, _MAX_FIELD_VALUE = 12, 60, 120
_MAX_TAKE_URL = 450


def is_configured(settings: Settings) -> bool:
    """Whether a webhook is set."""
    return bool(settings.discord_alert_webhook)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post one message. Raises DeliveryFailed; 401 and 404 mean that the webhook no longer exists."""
    post_json(str(settings.discord_alert_webhook), build_body(notification, settings), timeout_s)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message: `content` is what a phone shows; nothing in it mentions anybody."""
    lines = [render_lead(notification), *list_notes(notification)]
    links = list_short_links(notification)
    fields: list[JsonObject] = [
        {"name": shorten(row.name, _MAX_FIELD_NAME), "value": shorten(row.value, _MAX_FIELD_VALUE) or "-", "inline": True}
        for row in render_rows(notification, settings.timezone)[:_MAX_FIELDS]
    ]
    if 0 < len(notification.take_url) <= _MAX_TAKE_URL:
        # A webhook that belongs to no app has no buttons.
        fields.append({"name": "Take it", "value": f"[Open the page with the button]({notification.take_url})"})
    embed: JsonObject = {
        "title": shorten(render_headline(notification), _MAX_TITLE),
        "description": add_link("\n".join(lines), links, _MAX_DESCRIPTION),
        "color": _CALM.get(notification.look) or _COLORS[notification.level],
        "timestamp": format_time(notification.at),
        "fields": fields,
    }
    if links:
        embed["url"] = links[0][1]
    content = shorten(render_headline(notification), _MAX_CONTENT)
    return {"username": "Callwatch", "content": content, "embeds": [embed], "allowed_mentions": {"parse": []}}
