"""Serializes alerts and rules for the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.incidents.silenced import find_silenced
from callwatch.alerts.notifications.channels import list_channels
from callwatch.alerts.notifications.rendering import find_runbook
from callwatch.alerts.outage.outage import find_outage_key
from callwatch.alerts.rule_state import parse_reason
from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.metrics import find_unit
from callwatch.alerts.rules.phrases import describe_rule
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.alerts import (
    AlertFilters,
    AlertRow,
    find_alert_with_key,
    get_alert,
    list_alerts,
    list_followers,
    list_timeline,
)
from callwatch.db.alert_queries.delivery_history import list_deliveries, list_test_deliveries
from callwatch.db.alert_queries.rule_states import StoredState, Switch, list_stored_states, read_rule_histories, read_switches
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.changes import list_changes, list_ranked_changes
from callwatch.exceptions import NotFound
from callwatch.models.reason import Reason
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import Alert, AlertParts, Follower
    from callwatch.models.shapes.rules import Rule, RuleState

_CHANGED_SINCE = Reason("not_recorded", "the rule was changed after its last evaluation")
_NOTHING_TO_EVALUATE = Reason("none", "nothing to evaluate")
_NOT_YET = Reason("none", "the rule is not evaluated yet")
_SWITCHED_OFF = Reason("not_configured", "the rule is disabled")
_ORDER = ("ok", "unknown", "pending", "firing")


def serialize_alerts(conn: AnyConnection, rows: Sequence[AlertRow], now: datetime) -> list[Alert]:
    """Serialize alerts, with the silences that mute them now; ids are text, so that no client rounds them."""
    changes = list_changes(conn, {row["id"]: row["started_at"] for row in rows})
    silences = Silences(load_silences(list_silences_in_force(conn, now), now))
    found: list[Alert] = []
    for row in rows:
        muted = find_silenced(silences, row["rule_id"], row["labels"]) if row["state"] == "firing" else None
        until, by = muted or (None, None)
        found.append(
            {
                **row,
                "id": str(row["id"]),
                "incident_id": str(row["incident_id"]) if row["incident_id"] is not None else None,
                "silenced_until": until,
                "silenced_by": by,
                "changes": changes[row["id"]],
            }
        )
    return found


def load_alerts(
    conn: AnyConnection, filters: AlertFilters, limit: int, now: datetime
) -> tuple[list[Alert], tuple[str, int] | None]:
    """Serialize a page of alerts, newest first; returns also the position of the next one."""
    rows = list_alerts(conn, filters, limit + 1)
    shown = rows[:limit]
    position = (shown[-1]["started_at"].isoformat(), shown[-1]["id"]) if len(rows) > limit else None
    return serialize_alerts(conn, shown, now), position


def load_alert_detail(conn: AnyConnection, raw_id: str, now: datetime | None = None) -> AlertParts:
    """Serialize an alert with timeline and deliveries; accepts the message id of an outage, too. Raises NotFound.

    now: the moment at which silences are compared; the present by default.
    """
    alert_id = find_alert(conn, raw_id)
    row = get_alert(conn, alert_id)
    if row is None:
        raise NotFound("no alert has this id")
    follows: list[Follower] = [{**each, "id": str(each["id"])} for each in list_followers(conn, alert_id)]
    return {
        **serialize_alerts(conn, [row], now or datetime.now(UTC))[0],
        "changes": list_ranked_changes(conn, alert_id, row["rule_id"], row["started_at"]),
        "timeline": list_timeline(conn, alert_id),
        "deliveries": list_deliveries(conn, alert_id),
        "follows": follows,
    }


def find_alert(conn: AnyConnection, raw_id: str) -> int:
    """Return the database id of the alert in a path, given by it or by the id of an outage. Raises NotFound."""
    key = find_outage_key(raw_id)
    alert_id = parse_id(raw_id) if key is None else find_alert_with_key(conn, key)
    if alert_id is None:
        raise NotFound("no alert has this id")
    return alert_id


def parse_id(raw: str) -> int:
    """Parse the number in a path. Raises NotFound, since no other text is an id."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise NotFound("nothing has this id")
    return int(raw)


def serialize_rules(
    conn: AnyConnection,
    rules: Sequence[AlertRule],
    settings: Settings,
    definitions: Mapping[str, Mapping[str, object]] | None = None,
) -> list[Rule]:
    """Serialize rules with their state, the actions of people, and the deliveries of the latest test notification.

    definitions: those of own rules, by id.
    """
    of_rule: dict[str, list[StoredState]] = {}
    for row in list_stored_states(conn):
        of_rule.setdefault(row["rule_id"], []).append(row)
    evaluated_at = max((row["last_evaluated_at"] for rows in of_rule.values() for row in rows), default=None)
    switched, histories, tests = read_switches(conn), read_rule_histories(conn), list_test_deliveries(conn)
    found: list[Rule] = []
    for rule in rules:
        states = [_forget_old_condition(row, rule) for row in of_rule.get(rule.id, [])]
        evaluation = _describe_evaluation(states, switched.get(rule.id), evaluated_at)
        item = _serialize_rule(rule, states, evaluation, settings)
        whole = item.copy()
        whole |= {"history": histories.get(rule.id, []), "test_deliveries": tests.get(rule.id, [])}
        if whole["source"] == "page" and rule.id in (definitions or {}):
            whole["definition"] = dict((definitions or {})[rule.id])
        found.append(whole)
    return found


def _serialize_rule(rule: AlertRule, states: Sequence[StoredState], evaluation: _Evaluation, settings: Settings) -> Rule:
    """Serialize what a rule is, and its state; nobody has acted on it yet."""
    worst = _find_worst(states)
    first = rule.list_conditions()[0]
    # The condition that the value belongs to: the stored one, or the first of the rule.
    stored, comparison = (worst["details"].get("metric"), worst["details"].get("comparison")) if worst else (None, None)
    metric = stored if isinstance(stored, str) else first.metric
    configured = list_channels(rule, settings)
    return {
        "state": evaluation["state"],
        "value": evaluation["value"],
        "last_evaluated_at": evaluation["last_evaluated_at"],
        "unknown": evaluation["unknown"],
        "history": [],
        "test_deliveries": [],
        "id": rule.id,
        "name": rule.name,
        "level": rule.level.value,
        "threshold": worst["threshold"] if worst and worst["threshold"] is not None else first.threshold,
        "metric": metric,
        "unit": find_unit(metric),
        "comparison": comparison if isinstance(comparison, str) else first.comparison,
        "fires_when": describe_rule(rule),
        "source": alert_manager.find_source(rule.id, settings),
        "for_s": rule.for_s,
        "resolve_for_s": rule.resolve_for_s,
        "cooldown_minutes": rule.cooldown_minutes,
        # The channels of the rule, and those that it uses in addition because they are configured.
        "channels": [*rule.channels, *(name for name in configured if name not in rule.channels)],
        "channels_configured": configured,
        "depends_on": list(dict.fromkeys(cause.rule_id for cause in rule.causes)),
        "runbook_url": find_runbook(rule, settings),
    }


class _Evaluation(TypedDict):
    """What a rule's last evaluation found; unknown: why the value, or its time, is None."""

    state: RuleState
    value: float | None
    last_evaluated_at: datetime | None
    unknown: dict[str, Reason]


def _describe_evaluation(states: Sequence[StoredState], switch: Switch | None, evaluated_at: datetime | None) -> _Evaluation:
    unknown: dict[str, Reason] = {}
    worst = _find_worst(states)
    is_enabled = switch is None or switch["is_enabled"]
    # A firing instance keeps firing while its data cannot be read: its stored value is the last one, not the present one.
    value = worst["value"] if worst and is_enabled and not worst["details"].get("is_unknown") else None
    if switch is not None and not is_enabled:
        unknown["value"] = Reason("not_configured", f"disabled by {switch['actor']}: {switch['reason']}")
    elif value is None:
        unknown["value"] = (parse_reason(worst["details"].get("reason")) if worst else None) or _NOTHING_TO_EVALUATE
    # A rule without anything to evaluate was evaluated along with the others.
    evaluated = max((row["last_evaluated_at"] for row in states), default=evaluated_at if is_enabled else None)
    if evaluated is None:
        unknown["last_evaluated_at"] = _NOT_YET if is_enabled else _SWITCHED_OFF
    return {
        "state": "disabled" if not is_enabled else worst["state"] if worst else "ok",
        "value": value,
        "last_evaluated_at": evaluated,
        "unknown": unknown,
    }


def _forget_old_condition(row: StoredState, rule: AlertRule) -> StoredState:
    """Return a stored state without figures of a condition that the rule does not have any more: it was changed since."""
    metric, comparison, threshold = (row["details"].get("metric"), row["details"].get("comparison"), row["threshold"])
    conditions = {(each.metric, each.comparison, float(each.threshold)) for each in rule.list_conditions()}
    if not isinstance(metric, str) or threshold is None or (metric, comparison, threshold) in conditions:
        return row
    kept = {name: value for name, value in row["details"].items() if name not in ("metric", "comparison")}
    is_known = row["value"] is not None and not row["details"].get("is_unknown")
    why = {"reason": _CHANGED_SINCE.to_dict()} if is_known else {}
    return {**row, "value": None, "threshold": None, "details": {**kept, **why}}


def _find_worst(states: Sequence[StoredState]) -> StoredState | None:
    """Return the instance that represents its rule: the worst, preferably with a known value."""
    return max(states, key=lambda row: (_ORDER.index(row["state"]), row["value"] is not None), default=None)
