"""PagerDuty by Events API v2 (POST /v2/enqueue): an alert is one incident from trigger to resolve."""

import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.message import summary_line
from callwatch.alerts.post import post
from callwatch.settings import Settings

_ACTIONS = {
    "alert.firing": "trigger",
    "alert.acknowledged": "acknowledge",
    "alert.resolved": "resolve",
    "alert.test": "trigger",
}
# Lengths as the Events API v2 reference gives them.
_MOST_SUMMARY = 1024
_MOST_KEY = 255


def is_configured(settings: Settings) -> bool:
    """Whether there is a routing key."""
    return bool(settings.pagerduty_routing_key)


def send(payload: Mapping[str, Any], _message_id: str, settings: Settings) -> None:
    """Enqueue one event; all events of an alert share its dedup_key. Raises DeliveryFailed."""
    data = payload["data"]
    body = {
        "routing_key": settings.pagerduty_routing_key,
        "event_action": _ACTIONS[payload["type"]],
        "dedup_key": f"callwatch:{data['alert_id']}"[:_MOST_KEY],
        "payload": {
            "summary": summary_line(payload)[:_MOST_SUMMARY],
            "source": data["service"] or "callwatch",
            "severity": data["level"],
            "timestamp": payload["timestamp"],
            "custom_details": {
                "value": data["value"],
                "threshold": data["threshold"],
                "since": data["since"],
                **data["labels"],
            },
        },
        "links": [
            {"href": data["dashboard_url"], "text": "Dashboard"},
            {"href": data["runbook_url"], "text": "Runbook"},
        ],
    }
    post(f"{settings.pagerduty_api_url}/v2/enqueue", json.dumps(body).encode(), {"content-type": "application/json"})
