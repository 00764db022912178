"""E-mail by SendGrid's v3 API (POST /v3/mail/send)."""

import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.channels.email_html import html_of
from callwatch.alerts.channels.parts import headline_of, lead_of, links_of, notes_of, rows_of, shortened
from callwatch.alerts.post import post
from callwatch.settings import Settings

_MOST_SUBJECT = 150


def is_configured(settings: Settings) -> bool:
    """Whether there is a key, a sender and somebody to write to."""
    return bool(settings.sendgrid_api_key and settings.alert_email_to and settings.alert_email_from)


def send(payload: Mapping[str, Any], message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one mail, as text and as HTML. Raises DeliveryFailed."""
    headers = {"authorization": f"Bearer {settings.sendgrid_api_key}", "content-type": "application/json"}
    body = json.dumps(body_of(payload, message_id, settings)).encode()
    post(f"{settings.sendgrid_api_url}/v3/mail/send", body, headers, timeout_s)


def body_of(payload: Mapping[str, Any], message_id: str, settings: Settings) -> dict[str, Any]:
    """The request as SendGrid takes it: text/plain before text/html, each address once."""
    addresses = {address.lower(): address for address in settings.alert_email_to or ()}
    return {
        "personalizations": [{"to": [{"email": address} for address in addresses.values()]}],
        "from": {"email": settings.alert_email_from},
        "subject": shortened(headline_of(payload), _MOST_SUBJECT),
        "content": [
            {"type": "text/plain", "value": text_of(payload, settings.timezone)},
            {"type": "text/html", "value": html_of(payload, settings.timezone)},
        ],
        "headers": {"X-Callwatch-Id": message_id},
    }


def text_of(payload: Mapping[str, Any], timezone: str) -> str:
    """The mail for readers without HTML; for watches and lock screens the message stands first."""
    rows = [f"{name}: {value}" for name, value in rows_of(payload, timezone)]
    links = [f"{text}: {address}" for text, address in links_of(payload)]
    paragraphs = [[lead_of(payload), *notes_of(payload)], rows, links]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"
