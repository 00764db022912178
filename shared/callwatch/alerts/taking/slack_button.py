"""The button in a message in Slack: the signature of its request, and who pressed it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs

from callwatch.alerts.notifications.channels.slack import ACTION_ID
from callwatch.alerts.taking.foreign_json import load_mapping, read_list, read_mapping
from callwatch.alerts.taking.vendor_event import VendorEvent, name_actor, read_own_id
from callwatch.api.http import Request
from callwatch.constant_time import equals_any
from callwatch.exceptions import Forbidden, Unauthenticated, Unreadable

PLACE = "Slack"
# Slack's own recommendation; an older request may be a recorded one.
_MAX_AGE_S = 300
_MAX_FIELDS, _MAX_ACTIONS = 10, 25


def verify(request: Request, body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Compare the signature v0 with every secret, in constant time. Raises Unauthenticated, Forbidden."""
    sent_at = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not signature or not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
        raise Unauthenticated("the request must be signed: x-slack-signature and x-slack-request-timestamp")
    signed = b"v0:" + sent_at.encode() + b":" + body
    expected = [f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets]
    if not equals_any(signature, expected):
        raise Forbidden("x-slack-signature is not made with SLACK_SIGNING_SECRET")
    if abs(now.timestamp() - int(sent_at)) > _MAX_AGE_S:
        raise Forbidden("the request was signed more than five minutes ago")


def read_events(request: Request) -> Iterator[VendorEvent]:
    """Read who pressed our button; other buttons and other kinds of requests are nothing. Raises Unreadable."""
    try:
        fields = parse_qs(request.body.decode(), max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Unreadable("the body must be a form with the field payload") from None
    payload = load_mapping(fields.get("payload", [""])[0].encode("utf-8", "replace"))
    user = read_mapping(payload.get("user"))
    actor = name_actor(user.get("username") or user.get("name"), user.get("id"), PLACE)
    for number, action in enumerate(read_list(payload.get("actions"))[:_MAX_ACTIONS]):
        subject = _read_value(read_mapping(action))
        if subject is not None:
            unique = f"{request.headers['x-slack-signature']} {number}"
            yield VendorEvent(PLACE, "take", *subject, actor, "taken by the button in Slack", unique)


def _read_value(action: Mapping[str, object]) -> tuple[str, str | None] | None:
    """Return alert and message of our button; None for another one."""
    value = action.get("value")
    if action.get("action_id") != ACTION_ID or not isinstance(value, str):
        return None
    try:
        alert_id, message_id = json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return None
    own = read_own_id(alert_id)
    return (own, read_own_id(message_id)) if own is not None else None
