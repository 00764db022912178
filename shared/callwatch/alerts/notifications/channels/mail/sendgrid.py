"""SendGrid's v3 API (POST /v3/mail/send)."""

from typing import Any

from callwatch.alerts.notifications.channels.mail.content import list_recipients, render_subject, render_text
from callwatch.alerts.notifications.channels.mail.html import render_html
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.settings import Settings


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail, as text and HTML. Raises DeliveryFailed."""
    headers = {"authorization": f"Bearer {settings.sendgrid_api_key}"}
    post_json(f"{settings.sendgrid_api_url}/v3/mail/send", build_body(notification, message_id, settings), timeout_s, headers)


def build_body(notification: Notification, message_id: str, settings: Settings) -> dict[str, Any]:
    """Build SendGrid's request: text/plain before text/html."""
    return {
        "personalizations": [{"to": [{"email": address} for address in list_recipients(settings)]}],
        "from": {"email": settings.alert_email_from},
        "subject": render_subject(notification),
        "content": [
            {"type": "text/plain", "value": render_text(notification, settings.timezone)},
            {"type": "text/html", "value": render_html(notification, settings.timezone)},
        ],
        "headers": {"X-Callwatch-Id": message_id},
    }
