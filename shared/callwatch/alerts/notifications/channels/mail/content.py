"""What an e-mail says, whichever service sends it."""

from dataclasses import dataclass
from datetime import datetime

from callwatch.alerts.notifications.channels.mail.html import render_html
from callwatch.alerts.notifications.channels.wording import (
    list_links,
    list_notes,
    render_headline,
    render_lead,
    render_rows,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.settings import Settings

# So that a list of mails shows the whole subject.
_MAX_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail, as text and as HTML; at: when it was written."""

    subject: str
    text: str
    html: str
    at: datetime


def render_mail(notification: Notification, timezone: str) -> Mail:
    """Render the e-mail of a notification."""
    text = render_text(notification, timezone)
    return Mail(render_subject(notification), text, render_html(notification, timezone), notification.at)


def list_recipients(settings: Settings) -> list[str]:
    """List the recipients, each address once."""
    return list({address.lower(): address for address in settings.alert_email_to or ()}.values())


def render_subject(notification: Notification) -> str:
    """Render the subject in one line."""
    return shorten(render_headline(notification), _MAX_SUBJECT)


def render_text(notification: Notification, timezone: str) -> str:
    """Render the mail as plain text; the message comes first, for watches and lock screens."""
    rows = [f"{row.name}: {row.value}" for row in render_rows(notification, timezone)]
    links = [f"{text}: {address}" for text, address in list_links(notification)]
    paragraphs = [[render_lead(notification), *list_notes(notification)], rows, links]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"
