"""Slack by an incoming webhook, as blocks."""

import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.message import number, summary_line
from callwatch.alerts.post import post
from callwatch.settings import Settings

_SIGNS = {
    "critical": ":rotating_light:",
    "error": ":red_circle:",
    "warning": ":warning:",
    "info": ":information_source:",
}


def is_configured(settings: Settings) -> bool:
    """Whether there is a webhook."""
    return bool(settings.slack_alert_webhook)


def send(payload: Mapping[str, Any], _message_id: str, settings: Settings) -> None:
    """Post one message. Raises DeliveryFailed; 403, 404 and 410 mean that the webhook is gone."""
    data = payload["data"]
    is_resolved = payload["type"] == "alert.resolved"
    sign = ":white_check_mark:" if is_resolved else _SIGNS[data["level"]]
    fields = [("Measured", number(data["value"])), ("Threshold", number(data["threshold"])), ("Since", data["since"])]
    fields += sorted((name, str(value)) for name, value in data["labels"].items())
    blocks = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"{sign} *{escape(data['title'])}*\n{escape(data['message'])}"},
        },
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": f"*{escape(n)}*\n{escape(v)}"} for n, v in fields[:10]],
        },
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": f"<{data['dashboard_url']}|Dashboard> · <{data['runbook_url']}|Runbook>"}],
        },
    ]
    body = {"text": escape(summary_line(payload)), "blocks": blocks}
    post(str(settings.slack_alert_webhook), json.dumps(body).encode(), {"content-type": "application/json"})


def escape(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
