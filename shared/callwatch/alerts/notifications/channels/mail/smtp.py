"""A mail server of one's own, by SMTP: the message, and what its answers mean."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from callwatch.alerts.notifications.channels.mail.content import Mail, list_recipients
from callwatch.alerts.notifications.channels.mail.smtp_session import Envelope, Reply, run_session
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.settings import Settings
from callwatch.settings.smtp_server import read_smtp_server

# Whom a message reached that not all recipients got: a retry goes to the others alone. A new process does not know it; then
# the message is repeated under the same Message-ID.
_MAX_REMEMBERED = 500
_reached: OrderedDict[str, frozenset[str]] = OrderedDict()
_lock = threading.Lock()


def send(mail: Mail, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail, as text and HTML. Raises DeliveryFailed, also if only some recipients were accepted."""
    recipients = list_recipients(settings)
    already = _reached.get(message_id, frozenset())
    left = tuple(address for address in recipients if address not in already)
    sender = str(settings.alert_email_from)
    if not all(address.isascii() for address in (sender, *left)):
        raise DeliveryFailed("an address of the mail is not ASCII, which SMTP cannot carry", True, is_channel_wide=True)
    raw = build_message(mail, message_id, settings).as_bytes(policy=SMTP)
    refused = run_session(read_smtp_server(str(settings.smtp_url)), Envelope(sender, left, raw), timeout_s)
    reached = already.union(address for address in left if address not in refused)
    if refused:
        _remember(message_id, reached)
        raise _build_failure(refused, len(recipients))
    with _lock:
        _reached.pop(message_id, None)


def build_message(mail: Mail, message_id: str, settings: Settings) -> EmailMessage:
    """Build the message. Its Message-ID is the same on every attempt, so that readers show a repetition once."""
    message = EmailMessage()
    sender = str(settings.alert_email_from)
    message["From"] = sender
    message["To"] = ", ".join(list_recipients(settings))
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Callwatch-Id"] = message_id
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _build_failure(refused: Mapping[str, Reply], total: int) -> DeliveryFailed:
    """Build the failure; temporary if one of the refused recipients may be accepted later."""
    temporary = [reply for reply in refused.values() if reply.is_temporary]
    first = temporary[0] if temporary else next(iter(refused.values()))
    return DeliveryFailed(
        f"{len(refused)} of {total} recipients were refused: {first}",
        is_permanent=not temporary,
    )


def _remember(message_id: str, reached: frozenset[str]) -> None:
    with _lock:
        _reached[message_id] = reached
        while len(_reached) > _MAX_REMEMBERED:
            _reached.popitem(last=False)
