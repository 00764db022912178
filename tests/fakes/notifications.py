"""A notification as the outbox holds it."""

from typing import Any


def notification(kind: str = "alert.firing", **given: Any) -> dict[str, Any]:
    """A payload of this kind; fields of its data as given."""
    data = {
        "alert_id": "7",
        "rule_id": "service_down",
        "title": "Service down",
        "level": "critical",
        "message": "A service does not serve us. [service openai] (quota) Measured 12, threshold 10.",
        "value": 12,
        "threshold": 10,
        "since": "2026-11-24T14:15:00Z",
        "service": "openai",
        "labels": {"service": "openai"},
        "dashboard_url": "https://ops.example.com/admin/operations#/alerts/7",
        "runbook_url": "https://ops.example.com/admin/assets/runbooks/service_down.md",
    }
    return {"type": kind, "timestamp": "2026-11-24T14:20:00Z", "data": {**data, **given}}
