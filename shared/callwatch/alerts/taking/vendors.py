"""Requests of vendors about our messages: who may send them, and what they do to incidents.

1. The size of the body is bounded, and its signature or token is compared; nothing is parsed before.
2. Its events are read: what people did to a message of ours. Any other event is ignored.
3. Each event is carried out once, in one transaction.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.alerts.actions import wait_for_evaluation
from callwatch.alerts.taking import opsgenie_webhook, pagerduty_webhook, slack_button
from callwatch.alerts.taking.subject import find_subject, note_subject, release_subject, take_subject
from callwatch.alerts.taking.vendor_event import VendorEvent
from callwatch.api.http import Request
from callwatch.db.alert_queries.used_links import forget_ended_links, use_link
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, NotFound, TooLarge
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.vendor_actions import VendorActions

# Far above what a vendor sends about one incident, and little to hash for somebody without the secret.
MAX_BODY_BYTES = 256 * 1024
# Slack shows its user an error after 3 s.
_WAIT_S = 1.5
# Longer than a vendor sends an event again.
_KEPT = timedelta(days=7)
_log = logging.getLogger(__name__)


def verify(request: Request, start: bytes, settings: Settings, now: datetime) -> None:
    """Verify the sender; start: the first bytes of the body, one more than it may have.

    Raises NotFound without the vendor's secret, TooLarge, Unauthenticated, Forbidden.
    """
    vendor = request.path_parameters.get("vendor", "")
    secrets = _find_secrets(settings).get(vendor)
    if not secrets:
        raise NotFound("nothing has this path")
    if len(start) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is longer than {MAX_BODY_BYTES} bytes")
    if vendor == "slack":
        slack_button.verify(request, start, secrets, now)
    elif vendor == "pagerduty":
        pagerduty_webhook.verify(request, start, secrets)
    else:
        opsgenie_webhook.verify(request, secrets)


def read_events(request: Request, settings: Settings, now: datetime) -> list[VendorEvent]:
    """Read what people did to our messages, of a request that was verified. Raises Unreadable."""
    vendor = request.path_parameters["vendor"]
    if vendor == "slack":
        return list(slack_button.read_events(request))
    if vendor == "pagerduty":
        return list(pagerduty_webhook.read_events(request, settings.stage, now))
    return list(opsgenie_webhook.read_events(request, settings.stage))


def carry_out(conn: AnyConnection, events: Sequence[VendorEvent], settings: Settings, now: datetime) -> VendorActions:
    """Carry out each event that was not carried out before; returns the counts. The caller commits. Raises Unavailable."""
    wait_for_evaluation(conn, _WAIT_S)
    forget_ended_links(conn, now)
    done = sum(_carry_out_one(conn, event, settings, now) for event in events)
    return {"done": done, "ignored": len(events) - done}


def _carry_out_one(conn: AnyConnection, event: VendorEvent, settings: Settings, now: datetime) -> bool:
    unique = hashlib.sha256(f"{event.place} {event.unique}".encode()).hexdigest()
    if not use_link(conn, unique, event.alert_id, event.place, now, now + _KEPT):
        return _ignore(event, "it was carried out before")
    try:
        subject = find_subject(conn, event.alert_id, event.message_id)
    except (NotFound, Conflict) as error:
        return _ignore(event, str(error))
    if event.verb == "take":
        take_subject(conn, subject, event.actor, event.details, settings, now)
        return True
    if event.verb == "note":
        return note_subject(conn, subject, event.actor, event.details, settings, now) or _ignore(
            event, "no incident takes a note"
        )
    released = release_subject(conn, subject, event.place, event.actor, event.details, settings, now)
    return released > 0 or _ignore(event, "nobody took it there")


def _ignore(event: VendorEvent, why: str) -> bool:
    _log.info("an action at a vendor changes nothing", extra={"place": event.place, "verb": event.verb, "why": why})
    return False


def _find_secrets(settings: Settings) -> dict[str, tuple[str, ...] | None]:
    return {
        "slack": settings.slack_signing_secret,
        "pagerduty": settings.pagerduty_webhook_secret,
        "opsgenie": settings.opsgenie_webhook_token,
    }
