"""Alerts, rules and silences as the API shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.alerts.message import runbook_url
from callwatch.alerts.rule import AlertRule
from callwatch.db.alerts import get_alert, timeline_of
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import deliveries_of
from callwatch.http import not_found
from callwatch.settings import Settings

# The worst instance speaks for its rule.
_ORDER = ("ok", "unknown", "pending", "firing")


def alert_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert; ids are text, so that no reader rounds them."""
    return {**row, "id": str(row["id"])}


def alert_detail(conn: AnyConnection, raw_id: str) -> dict[str, Any]:
    """An alert with its timeline and deliveries. Raises HttpError 404."""
    alert_id = parse_id(raw_id)
    row = get_alert(conn, alert_id)
    if row is None:
        raise not_found("there is no such alert")
    return {**alert_item(row), "timeline": timeline_of(conn, alert_id), "deliveries": deliveries_of(conn, alert_id)}


def parse_id(raw: str) -> int:
    """The number in a path. Raises HttpError 404: no other text names anything."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise not_found("there is nothing with this id")
    return int(raw)


def silence_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """A silence."""
    return {**row, "id": str(row["id"])}


def rule_item(rule: AlertRule, states: Sequence[Mapping[str, Any]], is_enabled: bool, settings: Settings) -> dict[str, Any]:
    """A rule with the state of its worst instance."""
    worst = max(states, key=lambda row: _ORDER.index(row["state"]), default=None)
    evaluated: datetime | None = max((row["last_evaluated_at"] for row in states), default=None)
    state = "disabled" if not is_enabled else worst["state"] if worst else "ok"
    value = worst["value"] if worst else None
    threshold = worst["threshold"] if worst and worst["threshold"] is not None else rule.all_conditions()[0].threshold
    unknown = {}
    if value is None:
        unknown["value"] = "switched off" if not is_enabled else "its data cannot be had" if worst else "nothing to judge"
    if evaluated is None:
        unknown["last_evaluated_at"] = "not judged yet: there was nothing to judge"
    return {
        "id": rule.id,
        "name": rule.name,
        "level": rule.level.value,
        "state": state,
        "value": value,
        "threshold": threshold,
        "for_s": rule.for_s,
        "cooldown_minutes": rule.cooldown_minutes,
        "channels": [channel.value for channel in rule.channels],
        "depends_on": list(rule.depends_on),
        "runbook_url": runbook_url(settings, rule.id),
        "last_evaluated_at": evaluated,
        "unknown": unknown,
    }
