"""The state of each rule: stored instances and switches."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.models.shapes.rules import InstanceState, RuleAction, RuleChange

_KEEP = """
    INSERT INTO callwatch.rule_states
        (alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details)
    VALUES %s
    ON CONFLICT (alert_key) DO UPDATE SET state = EXCLUDED.state, value = EXCLUDED.value,
        threshold = EXCLUDED.threshold, alert_id = EXCLUDED.alert_id,
        last_evaluated_at = EXCLUDED.last_evaluated_at, details = EXCLUDED.details
"""
_KEEP_ROW = "(%(key)s, %(rule_id)s, %(state)s, %(value)s, %(threshold)s, %(alert_id)s, %(now)s, %(details)s)"
# Python cannot read times outside of its years, and PostgreSQL stores them.
_STATES = """
    SELECT alert_key, rule_id, state, value, threshold, alert_id, details::text AS details,
        least(greatest(last_evaluated_at, '0001-01-02 00:00+00'), '9999-12-30 00:00+00') AS last_evaluated_at
    FROM callwatch.rule_states
"""
_STORED = f"{_STATES} ORDER BY alert_key"
_OF_ALERTS = f"{_STATES} WHERE alert_id = ANY (%s) ORDER BY alert_key"
_FIRING_LABELS = """
    SELECT DISTINCT details ->> 'metric' AS metric, details -> 'labels' AS labels FROM callwatch.rule_states
    WHERE state = 'firing' AND details ->> 'metric' IS NOT NULL
"""
_SWITCH = """
    INSERT INTO callwatch.rule_settings (rule_id, is_enabled, actor, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT (rule_id) DO UPDATE SET is_enabled = EXCLUDED.is_enabled, actor = EXCLUDED.actor,
        reason = EXCLUDED.reason, changed_at = now()
"""
_HISTORY = """
    SELECT rule_id, at, actor, action, reason, before, after FROM (
        SELECT *, row_number() OVER (PARTITION BY rule_id ORDER BY at DESC, id DESC) AS place FROM callwatch.rule_history
    ) AS placed WHERE place <= %s ORDER BY rule_id, place
"""
_ACKNOWLEDGE = """
    UPDATE callwatch.rule_states SET details = details || %s WHERE alert_id = %s
    RETURNING alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details
"""


class StateFields(TypedDict):
    """A stored instance of a rule, without its details."""

    alert_key: str
    rule_id: str
    state: InstanceState
    value: float | None
    threshold: float | None
    alert_id: int | None
    last_evaluated_at: datetime


class StoredState(StateFields):
    """A stored instance of a rule. details: JSON that a person or a defect may have damaged."""

    details: Mapping[str, Any]


class NewState(TypedDict):
    """What an evaluation stores of an instance."""

    key: str
    rule_id: str
    state: str
    value: float | None
    threshold: float | None
    alert_id: int | None
    now: datetime
    details: Mapping[str, object]


class Switch(TypedDict):
    """Who switched a rule on or off, when and why."""

    is_enabled: bool
    actor: str
    reason: str
    changed_at: datetime


class KnownLabels(TypedDict):
    """The labels of an instance that a rule evaluates."""

    rule_id: str
    labels: dict[str, str] | None


class _StateRow(StateFields):
    details: str


class _LabelsRow(TypedDict):
    metric: str
    labels: dict[str, str]


class _SwitchRow(Switch):
    rule_id: str


class _ActionRow(TypedDict):
    rule_id: str
    at: datetime
    actor: str
    action: RuleChange
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def list_stored_states(conn: AnyConnection) -> list[StoredState]:
    """All stored instances.

    details: {} if they are not a JSON object that Python can read; one damaged row must not hide the others.
    """
    return [{**row, "details": _build_object(row["details"])} for row in fetch_all(conn, _STORED, (), _StateRow)]


def _build_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def keep_states(conn: AnyConnection, rows: Sequence[NewState]) -> None:
    """Store instances. The caller commits."""
    execute_rows(conn, _KEEP, [{**row, "details": Json(row["details"])} for row in rows], _KEEP_ROW)


def touch_states(conn: AnyConnection, keys: Sequence[str], now: datetime) -> None:
    """Store that instances were evaluated and stay as they are. The caller commits."""
    if keys:
        execute(conn, "UPDATE callwatch.rule_states SET last_evaluated_at = %s WHERE alert_key = ANY (%s)", (now, list(keys)))


def read_firing_labels(conn: AnyConnection) -> dict[str, list[dict[str, str]]]:
    """The labels of all firing instances by the metric for which they fire."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in fetch_all(conn, _FIRING_LABELS, (), _LabelsRow):
        found.setdefault(row["metric"], []).append(row["labels"])
    return found


def list_known_labels(conn: AnyConnection) -> list[KnownLabels]:
    """The labels of all instances that the rules evaluate."""
    return fetch_all(conn, "SELECT rule_id, details -> 'labels' AS labels FROM callwatch.rule_states", (), KnownLabels)


def mark_acknowledged(conn: AnyConnection, alert_id: int) -> StoredState | None:
    """The instance of an alert, acknowledged from now on; None if it has none. The caller commits."""
    return fetch_one(conn, _ACKNOWLEDGE, (Json({"is_acknowledged": True}), alert_id), StoredState)


def list_states_of_alerts(conn: AnyConnection, alert_ids: Sequence[int]) -> list[StoredState]:
    """The instances of some alerts. details: as for list_stored_states."""
    rows = fetch_all(conn, _OF_ALERTS, (list(alert_ids),), _StateRow)
    return [{**row, "details": _build_object(row["details"])} for row in rows]


def forget_states(conn: AnyConnection, keys: Sequence[str]) -> None:
    """Delete instances that are no longer known."""
    if keys:
        execute(conn, "DELETE FROM callwatch.rule_states WHERE alert_key = ANY (%s)", (list(keys),))


def forget_rules(conn: AnyConnection, rule_ids: Sequence[str]) -> None:
    """Delete all instances of some rules. The caller commits."""
    if rule_ids:
        execute(conn, "DELETE FROM callwatch.rule_states WHERE rule_id = ANY (%s)", (list(rule_ids),))


def read_switches(conn: AnyConnection) -> dict[str, Switch]:
    """Rules that a person switched, by id."""
    statement = "SELECT rule_id, is_enabled, actor, reason, changed_at FROM callwatch.rule_settings"
    return {row["rule_id"]: row for row in fetch_all(conn, statement, (), _SwitchRow)}


def switch_rule(conn: AnyConnection, rule_id: str, is_enabled: bool, actor: str, reason: str) -> None:
    """Record that a person switched a rule on or off, who and why. The caller commits."""
    execute(conn, _SWITCH, (rule_id, is_enabled, actor, reason))


def note_action(conn: AnyConnection, rule_id: str, action: str, actor: str, reason: str) -> None:
    """Record what a person did to a rule: enable, disable or test. The caller commits."""
    execute(
        conn,
        "INSERT INTO callwatch.rule_history (rule_id, action, actor, reason) VALUES (%s, %s, %s, %s)",
        (rule_id, action, actor, reason),
    )


def read_rule_histories(conn: AnyConnection, most: int = 20) -> dict[str, list[RuleAction]]:
    """What people did to each rule, newest first, by id."""
    found: dict[str, list[RuleAction]] = {}
    for row in fetch_all(conn, _HISTORY, (most,), _ActionRow):
        action: RuleAction = {"at": row["at"], "actor": row["actor"], "action": row["action"], "reason": row["reason"]}
        if row["before"] is not None:
            action["before"] = row["before"]
        if row["after"] is not None:
            action["after"] = row["after"]
        found.setdefault(row["rule_id"], []).append(action)
    return found
