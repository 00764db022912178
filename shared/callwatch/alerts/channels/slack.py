"""Slack by an incoming webhook, as blocks."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.alerts.channels.parts import headline_of, lead_of, level_of, links_of, notes_of, rows_of, time_text, word_of
from callwatch.alerts.post import post
from callwatch.settings import Settings

# Slack takes one message a second from a webhook.
GAP_S = 1.0
_SIGNS = {
    "critical": ":red_circle:",
    "error": ":large_orange_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}
_CALM_SIGNS = {
    "alert.resolved": ":white_check_mark:",
    "alert.acknowledged": ":eyes:",
    "alert.test": ":test_tube:",
}
# Lengths as Slack's reference of blocks gives them.
_MOST_TEXT, _MOST_FIELD = 3000, 2000
_HALF_ESCAPE = re.compile(r"&\w*$")
_MOST_FIELDS = 10
_MOST_ADDRESS = 3000


def is_configured(settings: Settings) -> bool:
    """Whether there is a webhook."""
    return bool(settings.slack_alert_webhook)


def send(payload: Mapping[str, Any], _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post one message. Raises DeliveryFailed; 403, 404 and 410 mean that the webhook is gone."""
    body = json.dumps(body_of(payload, settings.timezone)).encode()
    post(str(settings.slack_alert_webhook), body, {"content-type": "application/json"}, timeout_s)


def body_of(payload: Mapping[str, Any], timezone: str) -> dict[str, Any]:
    """The message as Slack takes it; `text` is what a notification on a phone shows."""
    data = payload["data"]
    sign = _CALM_SIGNS.get(payload["type"]) or _SIGNS[data["level"]]
    title = f"{sign} *{word_of(payload)}: {escape(data['title'])}* ({level_of(payload)})"
    lines = [lead_of(payload), *notes_of(payload)]
    rows = [
        (name, _local_time(data["since"], timezone) if name == "Since" else escape(value))
        for name, value in rows_of(payload, timezone)[:_MOST_FIELDS]
    ]
    blocks: list[dict[str, Any]] = [
        _section(text=_text("\n".join([title, *(escape(line) for line in lines)]), _MOST_TEXT)),
        _section(fields=[_text(f"*{escape(name)}*\n{value}", _MOST_FIELD) for name, value in rows]),
    ]
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": text}, "url": address}
        for text, address in links_of(payload)
        if len(address) <= _MOST_ADDRESS
    ]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": escape(headline_of(payload)), "blocks": blocks}


def escape(text: str) -> str:
    """Slack's three control characters: no text of ours becomes a link or calls a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _local_time(iso_time: str, timezone: str) -> str:
    """A time that Slack shows in each reader's own zone; the owners' zone where it cannot."""
    seconds = int(datetime.fromisoformat(iso_time).timestamp())
    return f"<!date^{seconds}^{{date_short_pretty}}, {{time}}|{escape(time_text(iso_time, timezone))}>"


def _section(**content: Any) -> dict[str, Any]:
    return {"type": "section", **content}


def _text(escaped: str, most: int) -> dict[str, Any]:
    """A cut never leaves half of an escape behind."""
    text = escaped if len(escaped) <= most else _HALF_ESCAPE.sub("", escaped[: most - 1]) + "…"
    return {"type": "mrkdwn", "text": text}
