"""SendGrid's v3 API (POST /v3/mail/send)."""

from callwatch.alerts.notifications.channels.mail.content import Mail, list_recipients
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings


def send(mail: Mail, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail, as text and HTML. Raises DeliveryFailed."""
    headers = {"authorization": f"Bearer {settings.sendgrid_api_key}"}
    post_json(f"{settings.sendgrid_api_url}/v3/mail/send", build_body(mail, message_id, settings), timeout_s, headers)


def build_body(mail: Mail, message_id: str, settings: Settings) -> JsonObject:
    """Build SendGrid's request: text/plain before text/html."""
    return {
        "personalizations": [{"to": [{"email": address} for address in list_recipients(settings)]}],
        "from": {"email": settings.alert_email_from},
        "subject": mail.subject,
        "content": [
            {"type": "text/plain", "value": mail.text},
            {"type": "text/html", "value": mail.html},
        ],
        "headers": {"X-Callwatch-Id": message_id},
    }
