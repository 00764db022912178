"""What a notification says: measured value, threshold, since when, what it is about, and where to read on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.evaluate import Instance
from callwatch.alerts.rule import AlertRule
from callwatch.settings import Settings
from callwatch.tracker.scrub import scrub_text


def text_of(rule: AlertRule, instance: Instance) -> str:
    """One or two lines for people, with nothing private in them."""
    if callable(rule.message):
        given = {"value": instance.value, "threshold": instance.threshold, "labels": dict(instance.labels)}
        return scrub_text(str(rule.message(given)))[:1000]
    lead = rule.message or rule.hint or rule.name
    about = ", ".join(f"{name} {value}" for name, value in sorted(instance.labels.items()))
    parts = [
        lead,
        f"[{about}]" if about else "",
        f"Measured {number(instance.value)}, threshold {number(instance.threshold)}.",
    ]
    if instance.detail:
        parts.insert(2, f"({instance.detail})")
    return scrub_text(" ".join(part for part in parts if part))[:1000]


def payload_of(
    kind: str, alert_id: int | str, rule: AlertRule, instance: Instance, settings: Settings, now: datetime
) -> dict[str, Any]:
    """The notification as every channel gets it: type, timestamp, data."""
    return {
        "type": kind,
        "timestamp": iso(now),
        "data": {
            "alert_id": str(alert_id),
            "rule_id": rule.id,
            "title": rule.name,
            "level": rule.level.value,
            "message": text_of(rule, instance),
            "value": instance.value,
            "threshold": instance.threshold,
            "since": iso(instance.began_at or instance.since),
            "service": instance.labels.get("service"),
            "labels": dict(instance.labels),
            "dashboard_url": dashboard_url(settings, alert_id),
            "runbook_url": runbook_url(settings, rule.id),
        },
    }


def dashboard_url(settings: Settings, alert_id: int | str) -> str:
    """The alert's view on the page."""
    return f"{settings.app_url or ''}/admin/operations#/alerts/{alert_id}"


def runbook_url(settings: Settings, rule_id: str) -> str:
    """The rule's runbook; the page serves them beside itself."""
    return f"{settings.app_url or ''}/admin/assets/runbooks/{rule_id}.md"


def number(value: float | None) -> str:
    """A figure for people."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def iso(when: datetime) -> str:
    """ISO 8601 with Z."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def summary_line(payload: Mapping[str, Any]) -> str:
    """One line for a log, a subject, a lock screen."""
    data = payload["data"]
    word = {"alert.firing": "FIRING", "alert.resolved": "RESOLVED", "alert.acknowledged": "ACKNOWLEDGED"}
    return f"[{word.get(payload['type'], 'TEST')}] {data['title']} ({data['level']}): {data['message']}"
