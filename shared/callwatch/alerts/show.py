"""Alerts, rules and silences as the API shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.alerts.channels import channels_for
from callwatch.alerts.message import runbook_of
from callwatch.alerts.outage import key_of_id
from callwatch.alerts.rule import AlertRule
from callwatch.db.alerts import alert_with_key, followers_of, get_alert, timeline_of
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import deliveries_of, deliveries_of_tests
from callwatch.db.rule_states import rule_histories, stored_states, switches
from callwatch.http import not_found
from callwatch.settings import Settings

_ORDER = ("ok", "unknown", "pending", "firing")


def alert_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert; ids are text, so that no reader rounds them."""
    return {**row, "id": str(row["id"])}


def alert_detail(conn: AnyConnection, raw_id: str) -> dict[str, Any]:
    """An alert with its timeline and deliveries; also by the id that the messages of an outage gave. Raises HttpError 404."""
    alert_id = find_alert(conn, raw_id)
    row = get_alert(conn, alert_id)
    if row is None:
        raise not_found("there is no such alert")
    follows = [{**each, "id": str(each["id"])} for each in followers_of(conn, alert_id)]
    return {
        **alert_item(row),
        "timeline": timeline_of(conn, alert_id),
        "deliveries": deliveries_of(conn, alert_id),
        "follows": follows,
    }


def find_alert(conn: AnyConnection, raw_id: str) -> int:
    """The number of the alert that a path names, by it or by the id of an outage. Raises HttpError 404."""
    key = key_of_id(raw_id)
    alert_id = parse_id(raw_id) if key is None else alert_with_key(conn, key)
    if alert_id is None:
        raise not_found("there is no such alert")
    return alert_id


def parse_id(raw: str) -> int:
    """The number in a path. Raises HttpError 404: no other text names anything."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise not_found("there is nothing with this id")
    return int(raw)


def silence_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """A silence."""
    return {**row, "id": str(row["id"])}


def rule_items(conn: AnyConnection, rules: Sequence[AlertRule], settings: Settings) -> list[dict[str, Any]]:
    """Rules with where they stand, what people did to them, and what became of the latest test notification."""
    of_rule: dict[str, list[dict[str, Any]]] = {}
    for row in stored_states(conn):
        of_rule.setdefault(row["rule_id"], []).append(row)
    judged_at = max((row["last_evaluated_at"] for rows in of_rule.values() for row in rows), default=None)
    switched, histories, tests = switches(conn), rule_histories(conn), deliveries_of_tests(conn)
    return [
        {
            **_rule_item(rule, of_rule.get(rule.id, []), settings),
            **_state(of_rule.get(rule.id, []), switched.get(rule.id), judged_at),
            "history": histories.get(rule.id, []),
            "test_deliveries": tests.get(rule.id, []),
        }
        for rule in rules
    ]


def _rule_item(rule: AlertRule, states: Sequence[Mapping[str, Any]], settings: Settings) -> dict[str, Any]:
    worst = _worst(states)
    first = rule.all_conditions()[0]
    return {
        "id": rule.id,
        "name": rule.name,
        "level": rule.level.value,
        "threshold": worst["threshold"] if worst and worst["threshold"] is not None else first.threshold,
        "for_s": rule.for_s,
        "resolve_for_s": rule.resolve_for_s,
        "cooldown_minutes": rule.cooldown_minutes,
        # The rule's own, and what it is told through beside them because it is configured.
        "channels": [*rule.channels, *(name for name in channels_for(rule, settings) if name not in rule.channels)],
        "depends_on": list(dict.fromkeys(cause.rule_id for cause in rule.causes)),
        "runbook_url": runbook_of(rule, settings),
    }


def _state(states: Sequence[Mapping[str, Any]], switch: Mapping[str, Any] | None, judged_at: datetime | None) -> dict[str, Any]:
    unknown = {}
    worst = _worst(states)
    is_enabled = switch is None or switch["is_enabled"]
    # What fires fires on while its data cannot be read: its value is the last one then, and not the present one.
    value = worst["value"] if worst and is_enabled and not worst["details"].get("is_unknown") else None
    if not is_enabled:
        unknown["value"] = f"switched off by {switch['actor']}: {switch['reason']}" if switch else "switched off"
    elif value is None:
        unknown["value"] = (worst["details"].get("reason") if worst else None) or "nothing to judge"
    # A rule without anything to judge was looked at as all others were.
    evaluated = max((row["last_evaluated_at"] for row in states), default=judged_at if is_enabled else None)
    if evaluated is None:
        unknown["last_evaluated_at"] = "not judged yet" if is_enabled else "switched off"
    return {
        "state": "disabled" if not is_enabled else worst["state"] if worst else "ok",
        "value": value,
        "last_evaluated_at": evaluated,
        "unknown": unknown,
    }


def _worst(states: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The instance that speaks for its rule: the worst, and among equals one whose value is known."""
    return max(states, key=lambda row: (_ORDER.index(row["state"]), row["value"] is not None), default=None)
