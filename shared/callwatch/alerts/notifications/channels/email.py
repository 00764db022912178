"""E-mail by SendGrid's v3 API (POST /v3/mail/send)."""

from typing import Any

from callwatch.alerts.notifications.channels.email_html import render_html
from callwatch.alerts.notifications.channels.wording import (
    list_links,
    list_notes,
    render_headline,
    render_lead,
    render_rows,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.settings import Settings

_MAX_SUBJECT = 150


def is_configured(settings: Settings) -> bool:
    """Whether a key, a sender and a recipient are set."""
    return bool(settings.sendgrid_api_key and settings.alert_email_to and settings.alert_email_from)


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail, as text and HTML. Raises DeliveryFailed."""
    headers = {"authorization": f"Bearer {settings.sendgrid_api_key}"}
    post_json(f"{settings.sendgrid_api_url}/v3/mail/send", build_body(notification, message_id, settings), timeout_s, headers)


def build_body(notification: Notification, message_id: str, settings: Settings) -> dict[str, Any]:
    """Build SendGrid's request: text/plain before text/html, each address once."""
    addresses = {address.lower(): address for address in settings.alert_email_to or ()}
    return {
        "personalizations": [{"to": [{"email": address} for address in addresses.values()]}],
        "from": {"email": settings.alert_email_from},
        "subject": shorten(render_headline(notification), _MAX_SUBJECT),
        "content": [
            {"type": "text/plain", "value": render_text(notification, settings.timezone)},
            {"type": "text/html", "value": render_html(notification, settings.timezone)},
        ],
        "headers": {"X-Callwatch-Id": message_id},
    }


def render_text(notification: Notification, timezone: str) -> str:
    """Render the mail as plain text; the message comes first, for watches and lock screens."""
    rows = [f"{row.name}: {row.value}" for row in render_rows(notification, timezone)]
    links = [f"{text}: {address}" for text, address in list_links(notification)]
    paragraphs = [[render_lead(notification), *list_notes(notification)], rows, links]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"
