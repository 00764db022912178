"""E-mail, by the service that is configured: SendGrid, a mail server (SMTP) or Amazon SES."""

from typing import TYPE_CHECKING

from callwatch.alerts.notifications.notification import Notification
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.alerts.notifications.channels.mail.content import Mail


def is_configured(settings: Settings) -> bool:
    """Whether a service, a sender and a recipient are set."""
    return bool(find_service(settings) and settings.alert_email_to and settings.alert_email_from)


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one notification, as text and HTML. Raises DeliveryFailed."""
    # Only the first mail of a process pays for the imports.
    from callwatch.alerts.notifications.channels.mail.content import render_mail

    send_mail(render_mail(notification, settings.timezone), message_id, settings, timeout_s)


def send_mail(mail: "Mail", message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail. Raises DeliveryFailed."""
    service = find_service(settings)
    if service == "smtp":
        from callwatch.alerts.notifications.channels.mail import smtp

        smtp.send(mail, message_id, settings, timeout_s)
    elif service == "ses":
        from callwatch.alerts.notifications.channels.mail import ses

        ses.send(mail, message_id, settings, timeout_s)
    else:
        from callwatch.alerts.notifications.channels.mail import sendgrid

        sendgrid.send(mail, message_id, settings, timeout_s)


def find_service(settings: Settings) -> str | None:
    """Return the name of what sends: the first of SendGrid, SMTP and SES that is set; None if none is."""
    services = {"sendgrid": settings.sendgrid_api_key, "smtp": settings.smtp_url, "ses": settings.ses_region}
    return next((name for name, value in services.items() if value), None)
