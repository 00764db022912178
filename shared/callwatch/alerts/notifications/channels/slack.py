"""Slack by an incoming webhook, as blocks."""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from callwatch.alerts.notifications.channels.wording import (
    find_word,
    format_local_time,
    list_notes,
    list_short_links,
    read_level,
    render_headline,
    render_lead,
    render_rows,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.take_link import is_takeable
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

# Slack accepts one message per second from a webhook.
GAP_S = 1.0
_SIGNS = {
    "critical": ":red_circle:",
    "error": ":large_orange_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}
_CALM_SIGNS = {
    "alert.resolved": ":white_check_mark:",
    "alert.ended": ":heavy_minus_sign:",
    "alert.acknowledged": ":eyes:",
    "alert.test": ":test_tube:",
}
# Lengths from Slack's reference of blocks.
_MAX_TEXT_LENGTH, _MAX_FIELD_LENGTH = 3000, 2000
_HALF_ESCAPE = re.compile(r"&\w*$")
_MAX_FIELDS = 10
_MAX_ADDRESS_LENGTH = 3000
# The button by which a reader takes the incident; Slack reports it to /api/actions/slack.
ACTION_ID = "callwatch_take"


def is_configured(settings: Settings) -> bool:
    """Whether a webhook is set."""
    return bool(settings.slack_alert_webhook)


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post one message. Raises DeliveryFailed; 403, 404 and 410 mean that the webhook no longer exists."""
    has_button = bool(settings.slack_signing_secret) and is_takeable(notification)
    body = build_body(notification, settings.timezone, message_id if has_button else None)
    post_json(str(settings.slack_alert_webhook), body, timeout_s)


def build_body(notification: Notification, timezone: str, taken_by: str | None = None) -> JsonObject:
    """Build the message for Slack; `text` is what a notification on a phone shows.

    taken_by: the id of the message, for a button in place of the link to a page with one.
    """
    sign = _CALM_SIGNS.get(notification.look) or _SIGNS[notification.level]
    title = f"{sign} *{find_word(notification)}: {escape(notification.title)}* ({read_level(notification)})"
    lines = [render_lead(notification), *list_notes(notification)]
    rows = [
        (row.name, _format_local_time(row.at, timezone) if row.at else escape(row.value))
        for row in render_rows(notification, timezone)[:_MAX_FIELDS]
    ]
    blocks: list[JsonObject] = [
        _build_section(text=_build_text("\n".join([title, *(escape(line) for line in lines)]), _MAX_TEXT_LENGTH)),
        _build_section(fields=[_build_text(f"*{escape(name)}*\n{value}", _MAX_FIELD_LENGTH) for name, value in rows]),
    ]
    shown = notification if taken_by is None else replace(notification, take_url="")
    buttons: list[JsonObject] = [] if taken_by is None else [_build_take_button(notification.alert_id, taken_by)]
    buttons += [
        {"type": "button", "text": {"type": "plain_text", "text": text}, "url": address}
        for text, address in list_short_links(shown, _MAX_ADDRESS_LENGTH)
    ]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": escape(render_headline(notification)), "blocks": blocks}


def _build_take_button(alert_id: str, message_id: str) -> JsonObject:
    return {
        "type": "button",
        "action_id": ACTION_ID,
        "style": "primary",
        "text": {"type": "plain_text", "text": "Take it"},
        "value": json.dumps([alert_id, message_id]),
    }


def escape(text: str) -> str:
    """Escape Slack's three control characters, so that no text becomes a link or mentions a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _format_local_time(when: datetime, timezone: str) -> str:
    """Format a time that Slack shows in each reader's time zone, with the owner's zone as the fallback."""
    seconds = int(when.timestamp())
    return f"<!date^{seconds}^{{date_short_pretty}}, {{time}}|{escape(format_local_time(when, timezone))}>"


def _build_section(**content: Any) -> JsonObject:
    return {"type": "section", **content}


def _build_text(escaped: str, max_characters: int) -> JsonObject:
    """Build a text of at most `max_characters` characters; the cut never leaves half an escape."""
    text = escaped if len(escaped) <= max_characters else _HALF_ESCAPE.sub("", escaped[: max_characters - 1]) + "…"
    return {"type": "mrkdwn", "text": text}
