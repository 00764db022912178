"""PagerDuty's V3 webhooks: their signatures, and what people did to our incidents there."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from callwatch.alerts.taking.foreign_json import load_mapping, read_mapping
from callwatch.alerts.taking.vendor_event import VendorEvent, Verb, name_actor, read_key, read_own_id
from callwatch.api.http import Request
from callwatch.constant_time import equals_any
from callwatch.exceptions import Forbidden, Unauthenticated

PLACE = "PagerDuty"
_VERBS: Mapping[str, Verb] = {
    "incident.acknowledged": "take",
    "incident.unacknowledged": "release",
    "incident.resolved": "note",
}
_DETAILS: Mapping[Verb, str] = {
    "take": "acknowledged in PagerDuty",
    "release": "no longer acknowledged in PagerDuty",
    "note": "resolved in PagerDuty; it is over here when its alerts are",
}
# PagerDuty signs no time. An event is carried out once while its id is kept, which is longer than this.
_MAX_AGE = timedelta(days=3)
# PagerDuty sends one signature per secret of the subscription.
_MAX_SIGNATURES = 10


def verify(request: Request, body: bytes, secrets: Sequence[str]) -> None:
    """Compare each signature v1 with every secret, in constant time. Raises Unauthenticated, Forbidden."""
    given = [each.strip() for each in request.headers.get("x-pagerduty-signature", "").split(",", _MAX_SIGNATURES)]
    signatures = [each for each in given[:_MAX_SIGNATURES] if each.startswith("v1=")]
    if not signatures:
        raise Unauthenticated("the request must be signed: x-pagerduty-signature is missing")
    expected = [f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}" for secret in secrets]
    if not any(equals_any(signature, expected) for signature in signatures):
        raise Forbidden("x-pagerduty-signature is not made with PAGERDUTY_WEBHOOK_SECRET")


def read_events(request: Request, stage: str, now: datetime) -> Iterator[VendorEvent]:
    """Read what somebody did to an incident that we opened; nothing for any other event. Raises Unreadable."""
    event = read_mapping(load_mapping(request.body).get("event"))
    kind, unique = event.get("event_type"), read_own_id(event.get("id"))
    verb = _VERBS.get(kind) if isinstance(kind, str) else None
    alert_id = read_key(read_mapping(event.get("data")).get("incident_key"), stage)
    agent = read_mapping(event.get("agent"))
    is_person = str(agent.get("type", "")).startswith("user")
    # An acknowledgement that ends by itself has no person; all else without one is the echo of our own events.
    if verb is None or alert_id is None or unique is None or not (is_person or verb == "release"):
        return
    if not _is_recent(event.get("occurred_at"), now):
        return
    actor = name_actor(agent.get("summary"), agent.get("id"), PLACE) if is_person else PLACE
    yield VendorEvent(PLACE, verb, alert_id, None, actor, _DETAILS[verb], unique)


def _is_recent(given: object, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        return False
    return abs(now - (at if at.tzinfo else at.replace(tzinfo=UTC))) <= _MAX_AGE
