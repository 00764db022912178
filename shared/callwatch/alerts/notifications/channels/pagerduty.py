"""PagerDuty by Events API v2 (POST /v2/enqueue): an alert is one incident from trigger to resolve."""

import hashlib

from callwatch.alerts.notifications.channels.wording import (
    add_link,
    flatten_text,
    list_links,
    list_notes,
    render_headline,
    render_lead,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.alerts.outage import outage
from callwatch.json_values import JsonObject
from callwatch.settings import Settings
from callwatch.times import format_time

_ACTIONS = {
    "alert.firing": "trigger",
    "alert.acknowledged": "acknowledge",
    "alert.resolved": "resolve",
    "alert.test": "trigger",
}
_SEVERITIES = {"critical": "critical", "error": "error", "warning": "warning", "info": "info"}
# Lengths from the reference of the Events API v2.
_MAX_SUMMARY = 1024
_MAX_KEY = 255
_MAX_NOTE, _MAX_NOTES = 1000, 30


def is_configured(settings: Settings) -> bool:
    """Whether a routing key is set."""
    return bool(settings.pagerduty_routing_key)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Enqueue one event; a test is resolved at once, so that it leaves no incident open. Raises DeliveryFailed."""
    event = build_body(notification, settings)
    events = [event]
    if notification.kind == "alert.test":
        events.append({**event, "event_action": "resolve"})
    for each in events:
        post_json(f"{settings.pagerduty_api_url}/v2/enqueue", each, timeout_s)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the event for PagerDuty; all events of an alert share its dedup_key."""
    is_test = notification.kind == "alert.test"
    return {
        "routing_key": settings.pagerduty_routing_key,
        "event_action": _ACTIONS[notification.kind],
        "dedup_key": build_dedup_key(notification.group_id or notification.alert_id, settings.stage),
        "client": "Callwatch",
        "payload": {
            "summary": shorten(flatten_text(f"{render_headline(notification)}: {render_lead(notification)}"), _MAX_SUMMARY),
            "source": notification.service or f"callwatch {settings.stage}",
            "severity": "info" if is_test else _SEVERITIES[notification.level],
            "timestamp": format_time(notification.at),
            "component": notification.service or notification.labels.get("stage") or notification.rule_id,
            "class": notification.rule_id,
            "custom_details": {
                # A label of another monitor may have the name of one of ours.
                **notification.labels,
                "value": notification.value,
                "threshold": notification.threshold,
                "unit": notification.unit,
                "since": format_time(notification.since),
                **({"end_reason": notification.end} if notification.look == "alert.ended" else {}),
                **({"notes": notes} if (notes := _cut_notes(notification)) else {}),
            },
        },
        "links": [{"href": address, "text": text} for text, address in list_links(notification)],
    }


def _cut_notes(notification: Notification) -> list[str]:
    """List the notes; an event may have 512 KB in all."""
    return [add_link(note, list_links(notification), _MAX_NOTE) for note in list_notes(notification)[:_MAX_NOTES]]


def build_dedup_key(alert_id: str, stage: str) -> str:
    """Build the dedup_key, one per alert and deployment; a key that is too long ends in its hash.

    An outage of the database always has the same key, since a monitor that takes over does not know when it began.
    """
    key = f"callwatch:{stage}:{outage.RULE_ID if alert_id.startswith(f'{outage.RULE_ID}:') else alert_id}"
    return key if len(key) <= _MAX_KEY else key[: _MAX_KEY - 33] + ":" + hashlib.sha256(key.encode()).hexdigest()[:32]
