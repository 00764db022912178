"""PagerDuty by Events API v2 (POST /v2/enqueue): an alert is one incident from trigger to resolve."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts import outage
from callwatch.alerts.channels.parts import headline_of, lead_of, links_of, notes_of, one_line, shortened
from callwatch.alerts.post import post
from callwatch.settings import Settings

_ACTIONS = {
    "alert.firing": "trigger",
    "alert.acknowledged": "acknowledge",
    "alert.resolved": "resolve",
    "alert.test": "trigger",
}
_SEVERITIES = {"critical": "critical", "error": "error", "warning": "warning", "info": "info"}
# Lengths as the Events API v2 reference gives them.
_MOST_SUMMARY = 1024
_MOST_KEY = 255


def is_configured(settings: Settings) -> bool:
    """Whether there is a routing key."""
    return bool(settings.pagerduty_routing_key)


def send(payload: Mapping[str, Any], _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Enqueue one event. Raises DeliveryFailed."""
    body = json.dumps(body_of(payload, settings)).encode()
    post(f"{settings.pagerduty_api_url}/v2/enqueue", body, {"content-type": "application/json"}, timeout_s)


def body_of(payload: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The event as PagerDuty takes it; all events of an alert share its dedup_key."""
    data = payload["data"]
    is_test = payload["type"] == "alert.test"
    return {
        "routing_key": settings.pagerduty_routing_key,
        "event_action": _ACTIONS[payload["type"]],
        "dedup_key": dedup_key_of(data["alert_id"], settings.stage),
        "client": "Callwatch",
        "payload": {
            "summary": shortened(one_line(f"{headline_of(payload)}: {lead_of(payload)}"), _MOST_SUMMARY),
            "source": data["service"] or f"callwatch {settings.stage}",
            "severity": "info" if is_test else _SEVERITIES[data["level"]],
            "timestamp": payload["timestamp"],
            "component": data["service"] or data["labels"].get("stage") or data["rule_id"],
            "class": data["rule_id"],
            "custom_details": {
                "value": data["value"],
                "threshold": data["threshold"],
                "since": data["since"],
                **({"notes": notes} if (notes := notes_of(payload)) else {}),
                **data["labels"],
            },
        },
        "links": [{"href": address, "text": text} for text, address in links_of(payload)],
    }


def dedup_key_of(alert_id: str, stage: str) -> str:
    """One key an alert and deployment; a longer one than PagerDuty takes is told apart by its digest.

    An outage of the database has the same key whenever it began, which a monitor that took over meanwhile cannot know.
    """
    key = f"callwatch:{stage}:{outage.RULE_ID if alert_id.startswith(f'{outage.RULE_ID}:') else alert_id}"
    return key if len(key) <= _MOST_KEY else key[: _MOST_KEY - 33] + ":" + hashlib.sha256(key.encode()).hexdigest()[:32]
