"""A sample notification for tests of channels and of their renderings."""

from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.notifications.notification import Kind, Notification


def notification(kind: Kind = "alert.firing", **given: Any) -> Notification:
    """Build a notification of this kind with the given fields."""
    fields: dict[str, Any] = {
        "alert_id": "7",
        "rule_id": "service_down",
        "title": "Service down",
        "level": "critical",
        "summary": "A service does not serve us. [service openai] (quota) Measured 12, threshold 10.",
        "value": 12,
        "threshold": 10,
        "unit": "count",
        "comparison": ">",
        "since": datetime(2026, 11, 24, 14, 15, tzinfo=UTC),
        "labels": {"service": "openai"},
        "dashboard_url": "https://ops.example.com/admin/operations#/alerts/7",
        "runbook_url": "https://ops.example.com/admin/assets/runbooks/service_down.md",
    }
    return Notification(kind=kind, at=datetime(2026, 11, 24, 14, 20, tzinfo=UTC), **{**fields, **given})
