"""Microsoft Teams by the webhook of a workflow, as an adaptive card."""

import json
import re

from callwatch.alerts.notifications.channels.wording import (
    add_link,
    find_word,
    list_notes,
    list_short_links,
    read_level,
    render_headline,
    render_lead,
    render_rows,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import JSON, post
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

# Teams accepts four messages per second.
GAP_S = 0.3
_STYLES = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}
_CALM = {"alert.resolved": "good", "alert.ended": "emphasis", "alert.acknowledged": "emphasis", "alert.test": "accent"}
# A message may have 28 KB (Microsoft's limits of messages in Teams).
MAX_BYTES = 28 * 1024
_MAX_TITLE, _MAX_LINES, _MAX_NAME, _MAX_VALUE = 200, 8, 60, 150
# Lengths of a line, tried in this order.
_LINES = (1500, 600, 250)
_MARKS = re.compile(r"[\\`*_]")


def is_configured(settings: Settings) -> bool:
    """Whether a webhook is set."""
    return bool(settings.teams_alert_webhook)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post one card. Raises DeliveryFailed; 401 to 410 mean that the workflow no longer exists."""
    body = encode(build_body(notification, settings))
    post(str(settings.teams_alert_webhook), body, JSON, timeout_s)


def encode(body: JsonObject) -> bytes:
    """Encode a message as it is sent."""
    return json.dumps(body, ensure_ascii=False).encode()


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message; `summary` is what a phone shows. Lines are cut as far as its size requires."""
    for most in _LINES:
        body = _build_message(notification, settings, most)
        if len(encode(body)) <= MAX_BYTES:
            break
    return body


def _build_message(notification: Notification, settings: Settings, max_line: int) -> JsonObject:
    links = list_short_links(notification)
    card: JsonObject = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": _build_parts(notification, settings, links, max_line),
        "actions": [{"type": "Action.OpenUrl", "title": text, "url": address} for text, address in links],
    }
    return {
        "type": "message",
        "summary": shorten(render_headline(notification), _MAX_TITLE),
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}],
    }


def _build_parts(notification: Notification, settings: Settings, links: list[tuple[str, str]], max_line: int) -> list[JsonObject]:
    title = f"{find_word(notification)}: {notification.title} ({read_level(notification)})"
    style = _CALM.get(notification.look) or _STYLES[notification.level]
    notes = list_notes(notification)
    lines = [render_lead(notification), *notes[:_MAX_LINES]]
    texts = [add_link(escape(line), links, max_line) for line in lines]
    if len(notes) > _MAX_LINES:
        texts.append(add_link("…" * (max_line + 1), links, 1))
    heading = _build_text(shorten(escape(title), _MAX_TITLE), weight="Bolder", size="Large")
    facts = [
        {"title": row.name[:_MAX_NAME], "value": shorten(escape(row.value), _MAX_VALUE)}
        for row in render_rows(notification, settings.timezone)
    ]
    return [
        {"type": "Container", "style": style, "bleed": True, "items": [heading]},
        *(_build_text(text) for text in texts),
        {"type": "FactSet", "facts": facts},
    ]


def _build_text(text: str, **look: str) -> JsonObject:
    return {"type": "TextBlock", "text": text, "wrap": True, **look}


def escape(text: str) -> str:
    """Escape what a card reads as Markdown, so that no text becomes a link."""
    return _MARKS.sub(r"\\\g<0>", text).replace("](", "]\\(")
