"""E-mail by SendGrid's v3 API (POST /v3/mail/send)."""

import html
import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.message import number, summary_line
from callwatch.alerts.post import post
from callwatch.settings import Settings


def is_configured(settings: Settings) -> bool:
    """Whether there is a key, a sender and somebody to write to."""
    return bool(settings.sendgrid_api_key and settings.alert_email_to and settings.alert_email_from)


def send(payload: Mapping[str, Any], message_id: str, settings: Settings) -> None:
    """Send one mail, as text and as HTML. Raises DeliveryFailed."""
    rows = _rows(payload["data"])
    text = "\n".join([payload["data"]["message"], "", *[f"{name}: {value}" for name, value in rows]])
    cells = "".join(f"<tr><th align='left'>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>" for n, v in rows)
    body = {
        "personalizations": [{"to": [{"email": address} for address in settings.alert_email_to or ()]}],
        "from": {"email": settings.alert_email_from},
        "subject": summary_line(payload)[:150],
        "content": [
            {"type": "text/plain", "value": text},
            {"type": "text/html", "value": f"<p>{html.escape(payload['data']['message'])}</p><table>{cells}</table>"},
        ],
        "headers": {"X-Callwatch-Id": message_id},
    }
    headers = {"authorization": f"Bearer {settings.sendgrid_api_key}", "content-type": "application/json"}
    post(f"{settings.sendgrid_api_url}/v3/mail/send", json.dumps(body).encode(), headers)


def _rows(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Level", data["level"]),
        ("Measured", number(data["value"])),
        ("Threshold", number(data["threshold"])),
        ("Since", data["since"]),
        *[(name, str(value)) for name, value in sorted(data["labels"].items())],
        ("Dashboard", data["dashboard_url"]),
        ("Runbook", data["runbook_url"]),
    ]
