"""Signed links in messages, each to a page where its reader takes charge of what the message is about.

A link names the alert that the message was sent under, the channel and the message that it stands in, and when it ends;
nobody can make one without the secret. It is used once (db/alert_queries/used_links.py), and reading its page changes
nothing, since programs open links too.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from callwatch.alerts.notifications.notification import Notification
from callwatch.base64url import decode_base64url, encode_base64url
from callwatch.constant_time import equals_any
from callwatch.settings import Settings

LASTS = timedelta(hours=24)
# Channels that people read; a pager has its own button, and a program needs none.
_KINDS = frozenset({"email", "slack", "discord", "ntfy", "teams", "telegram", "matrix"})
_MAX_LENGTH = 800


class TakeLink(NamedTuple):
    """What a link says."""

    alert_id: str
    channel: str
    message_id: str
    ends_at: datetime


def add_take_link(notification: Notification, channel: str, message_id: str, settings: Settings) -> Notification:
    """Add the link to a message about what fires; on a retry it is the same."""
    kind = channel.partition(":")[0]
    if not is_takeable(notification) or kind not in _KINDS or not settings.message_link_secret or not settings.app_url:
        return notification
    link = TakeLink(notification.alert_id, channel, message_id, notification.at.replace(microsecond=0) + LASTS)
    token = sign_link(link, settings.message_link_secret[0])
    return replace(notification, take_url=f"{settings.app_url}/api/take/{token}")


def is_takeable(notification: Notification) -> bool:
    """Whether a message is about something to take charge of; a digest only tells what happened."""
    return notification.kind == "alert.firing" and notification.occasion != "digest"


def sign_link(link: TakeLink, secret: str) -> str:
    """Return the token of a link: what it says, and the signature, in characters that a URL carries."""
    content = [link.alert_id, link.channel, link.message_id, int(link.ends_at.timestamp())]
    said = encode_base64url(json.dumps(content, separators=(",", ":")).encode())
    return f"{said}.{encode_base64url(_sign(said, secret))}"


def read_link(token: str, secrets: Sequence[str]) -> TakeLink | None:
    """Return what a token says; None if none of our secrets signed it. Whether it ended is for the caller to see."""
    said, _dot, signature = token.partition(".")
    # As text: the last character of base64 has bits that say nothing, and a link has one spelling.
    if len(token) > _MAX_LENGTH or not token.isascii():
        return None
    if not equals_any(signature, [encode_base64url(_sign(said, secret)) for secret in secrets]):
        return None
    alert_id, channel, message_id, ends_at = json.loads(decode_base64url(said))
    return TakeLink(alert_id, channel, message_id, datetime.fromtimestamp(ends_at, UTC))


def hash_link(link: TakeLink) -> str:
    """Return the key under which a link is kept once it is used."""
    return hashlib.sha256(repr(tuple(link)).encode()).hexdigest()


def _sign(said: str, secret: str) -> bytes:
    # A key of its own, so that no other use of the secret can make a link.
    key = hmac.digest(secret.encode(), b"callwatch take link v1", "sha256")
    return hmac.digest(key, said.encode(), "sha256")
