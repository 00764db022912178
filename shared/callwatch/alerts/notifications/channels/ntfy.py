"""ntfy.sh, or a server of one's own: a message to a topic, published as JSON."""

from urllib.parse import urlsplit, urlunsplit

from callwatch.alerts.notifications.channels.wording import (
    count_bytes,
    fit_text,
    list_short_links,
    render_headline,
    render_plain_text,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

_PRIORITIES = {"critical": 5, "error": 4, "warning": 3, "info": 2}
_TAGS = {"critical": "rotating_light", "error": "red_circle", "warning": "warning", "info": "information_source"}
_CALM_TAGS = {
    "alert.resolved": "white_check_mark",
    "alert.ended": "heavy_minus_sign",
    "alert.acknowledged": "eyes",
    "alert.test": "test_tube",
}
# From ntfy's documentation: a longer message becomes an attachment.
_MAX_BYTES = 4096
_MAX_TITLE = 250


def is_configured(settings: Settings) -> bool:
    """Whether a topic is set."""
    return bool(settings.ntfy_url)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Publish one message. Raises DeliveryFailed; 401 and 403 mean that the topic needs another NTFY_TOKEN."""
    headers = {"authorization": f"Bearer {settings.ntfy_token}"} if settings.ntfy_token else None
    server, _topic = split_topic(str(settings.ntfy_url))
    post_json(server, build_body(notification, settings), timeout_s, headers)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message; a touch opens the alert."""
    links = list_short_links(notification)
    plain = render_plain_text(notification, settings.timezone, has_headline=False)
    is_firing = notification.kind == "alert.firing"
    body: JsonObject = {
        "topic": split_topic(str(settings.ntfy_url))[1],
        "title": shorten(render_headline(notification), _MAX_TITLE),
        "message": fit_text(plain, links, _MAX_BYTES, count_bytes),
        "priority": _PRIORITIES[notification.level] if is_firing else 3,
        "tags": [_CALM_TAGS.get(notification.look) or _TAGS[notification.level]],
        "actions": [{"action": "view", "label": text, "url": address} for text, address in links],
    }
    if links:
        body["click"] = links[0][1]
    return body


def split_topic(url: str) -> tuple[str, str]:
    """Split the URL of a topic into the server's address and the topic."""
    parts = urlsplit(url)
    folder, _slash, topic = parts.path.rstrip("/").rpartition("/")
    return urlunsplit((parts.scheme, parts.netloc, folder + "/", "", "")), topic
