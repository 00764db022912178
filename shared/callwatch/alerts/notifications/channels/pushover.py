"""Pushover by its Message API (POST /1/messages.json); what is critical repeats until somebody confirms it on a phone."""

from urllib.parse import quote

from callwatch.alerts.notifications.channels.pagerduty import build_dedup_key
from callwatch.alerts.notifications.channels.wording import add_link, list_links, render_headline, render_plain_text, shorten
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

_PRIORITIES = {"critical": 2, "error": 1, "warning": 0, "info": -1}
# Seconds between repetitions of what is critical, and until they end; the least and the most are 30 and 10,800.
_RETRY_S, _EXPIRE_S = 60, 3600
# Lengths from the reference of the Message API.
_MAX_MESSAGE, _MAX_TITLE, _MAX_URL, _MAX_URL_TITLE = 1024, 250, 512, 100


def is_configured(settings: Settings) -> bool:
    """Whether an application and a user, or a group, are set."""
    return bool(settings.pushover_app_token and settings.pushover_user_key)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one message; what acknowledges or resolves an alert ends its repetitions first. Raises DeliveryFailed."""
    base, token = settings.pushover_api_url, str(settings.pushover_app_token)
    if notification.kind in ("alert.resolved", "alert.acknowledged"):
        tag = quote(build_tag(notification, settings.stage), safe="")
        post_json(f"{base}/1/receipts/cancel_by_tag/{tag}.json", {"token": token}, timeout_s)
    post_json(f"{base}/1/messages.json", build_body(notification, settings), timeout_s)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message."""
    links = list_links(notification)
    text = render_plain_text(notification, settings.timezone, has_headline=False)
    priority = _PRIORITIES[notification.level] if notification.kind == "alert.firing" else 0
    body: JsonObject = {
        "token": settings.pushover_app_token,
        "user": settings.pushover_user_key,
        "title": shorten(render_headline(notification), _MAX_TITLE),
        "message": add_link(text, links, _MAX_MESSAGE),
        "timestamp": int(notification.at.timestamp()),
        "priority": priority,
    }
    if priority == _PRIORITIES["critical"]:
        body |= {"retry": _RETRY_S, "expire": _EXPIRE_S, "tags": build_tag(notification, settings.stage)}
    if links and len(links[0][1]) <= _MAX_URL:
        body |= {"url": links[0][1], "url_title": links[0][0][:_MAX_URL_TITLE]}
    return body


def build_tag(notification: Notification, stage: str) -> str:
    """Build the tag, one per alert and deployment, by which repetitions are ended; a comma would separate tags."""
    return build_dedup_key(notification.group_id or notification.alert_id, stage).replace(",", ";")
