"""A report as a mail: it goes through the outbox as notifications do, to channels of e-mail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.alerts.notifications.channels import email, find_settings
from callwatch.alerts.notifications.channels.mail.content import Mail
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.settings import Settings
from callwatch.times import format_time

KIND = "report.weekly"


def dump_mail(mail: Mail) -> dict[str, Any]:
    """Convert a mail to JSON for the outbox."""
    return {"type": KIND, "at": format_time(mail.at), "subject": mail.subject, "text": mail.text, "html": mail.html}


def is_report(payload: Mapping[str, Any]) -> bool:
    """Whether the outbox holds a report, and no notification."""
    return payload.get("type") == KIND


def send_report(channel: str, payload: Mapping[str, Any], message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send the mail of a report. Raises DeliveryFailed."""
    own = find_settings(channel, settings)
    if own is None:
        raise DeliveryFailed(f"the channel {channel} is no longer configured", is_permanent=True)
    at = datetime.fromisoformat(payload["at"])
    email.send_mail(Mail(payload["subject"], payload["text"], payload["html"], at), message_id, own, timeout_s)
