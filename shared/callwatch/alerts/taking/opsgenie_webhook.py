"""Outgoing webhooks of Opsgenie and Jira Service Management: their token, and what people did to our alerts there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from callwatch.alerts.taking.foreign_json import load_mapping, read_mapping
from callwatch.alerts.taking.vendor_event import VendorEvent, Verb, name_actor, read_key
from callwatch.api.http import Request
from callwatch.constant_time import equals_any
from callwatch.exceptions import Forbidden, Unauthenticated

PLACE = "Opsgenie"
HEADER = "x-callwatch-token"
_VERBS: Mapping[str, Verb] = {"acknowledge": "take", "unacknowledge": "release", "close": "note"}
_DETAILS: Mapping[Verb, str] = {
    "take": "acknowledged in Opsgenie",
    "release": "no longer acknowledged in Opsgenie",
    "note": "closed in Opsgenie; it is over here when its alerts are",
}


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Compare the token with every secret, in constant time. Raises Unauthenticated, Forbidden."""
    given = request.headers.get(HEADER, "")
    if not given:
        raise Unauthenticated(f"the header {HEADER} is missing")
    if not equals_any(given, secrets):
        raise Forbidden(f"{HEADER} is not OPSGENIE_WEBHOOK_TOKEN")


def read_events(request: Request, stage: str) -> Iterator[VendorEvent]:
    """Read what somebody did to an alert that we opened; nothing for any other event. Raises Unreadable."""
    body = load_mapping(request.body)
    alert, action = read_mapping(body.get("alert")), body.get("action")
    verb = _VERBS.get(action.lower()) if isinstance(action, str) else None
    alert_id = read_key(alert.get("alias"), stage)
    # By the API our own requests arrive, which follow from what somebody did here.
    is_own = str(read_mapping(body.get("source")).get("type", "")).lower() == "api"
    if verb is None or alert_id is None or is_own:
        return
    actor = name_actor(alert.get("username"), alert.get("userId"), PLACE)
    # Opsgenie gives its events no id; the body holds the time of the change.
    unique = hashlib.sha256(request.body).hexdigest()
    yield VendorEvent(PLACE, verb, alert_id, None, actor, _DETAILS[verb], unique)
