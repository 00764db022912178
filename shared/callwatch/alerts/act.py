"""What people do to alerts, rules and silences; each action leaves who, when and why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg2.extras import Json

from callwatch.alerts.evaluate import Instance
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import payload_of
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.rule import AlertRule
from callwatch.alerts.show import alert_detail, parse_id, silence_item
from callwatch.db.alerts import acknowledge_alert, add_timeline, get_alert
from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute
from callwatch.db.rule_states import add_silence, end_silence, switch_rule
from callwatch.http import HttpError, not_found, unprocessable
from callwatch.settings import Settings

_MATCHERS = {"rule_id", "service", "labels"}
_MARK = "UPDATE callwatch.rule_states SET details = details || %s WHERE alert_id = %s"
RULE_ACTIONS = ("enable", "disable", "test")


def reason_of(given: Any) -> str:
    """The reason that every action needs. Raises HttpError 422."""
    reason = given.get("reason") if isinstance(given, dict) else None
    if not isinstance(reason, str) or not reason.strip() or len(reason) > 1000:
        raise unprocessable("reason", "is required: a text of at most 1,000 characters")
    return reason.strip()


def acknowledge(conn: AnyConnection, raw_id: str, given: Any, actor: str, settings: Settings, now: datetime) -> dict[str, Any]:
    """Acknowledge a firing alert: no reminders until it resolves. The caller commits. Raises HttpError 404, 409, 422."""
    reason = reason_of(given)
    alert_id = parse_id(raw_id)
    row = get_alert(conn, alert_id)
    if row is None:
        raise not_found("there is no such alert")
    if not acknowledge_alert(conn, alert_id, actor):
        raise HttpError(409, "not_firing", "only a firing alert can be acknowledged; this one is resolved")
    execute(conn, _MARK, (Json({"is_acknowledged": True}), alert_id))
    add_timeline(conn, alert_id, now, "acknowledged", actor, reason)
    rule = find_rule(row["rule_id"], settings)
    if rule is not None:
        instance = Instance(
            "", rule.id, row["labels"], "firing", row["started_at"], value=row["value"], threshold=row["threshold"]
        )
        queue_notification(
            conn, alert_id, rule, payload_of("alert.acknowledged", alert_id, rule, instance, settings, now), settings, now
        )
    return alert_detail(conn, raw_id)


def create_silence(conn: AnyConnection, given: Any, actor: str, now: datetime) -> dict[str, Any]:
    """A new silence: matchers, reason, ends_at. The caller commits. Raises HttpError 422."""
    reason = reason_of(given)
    return silence_item(add_silence(conn, _matchers_of(given), reason, actor, _end_of(given, now)))


def delete_silence(conn: AnyConnection, raw_id: str, actor: str) -> None:
    """End a silence now. The caller commits. Raises HttpError 404."""
    if not end_silence(conn, parse_id(raw_id), actor):
        raise not_found("there is no such silence, or it has ended")


def act_on_rule(
    conn: AnyConnection, rule_id: str, action: str, given: Any, actor: str, settings: Settings, now: datetime
) -> None:
    """Enable or disable a rule, or send a marked test notification. The caller commits. Raises HttpError 404, 422."""
    if action not in RULE_ACTIONS:
        raise not_found(f"the action is one of {', '.join(RULE_ACTIONS)}")
    reason = reason_of(given)
    rule = find_rule(rule_id, settings)
    if rule is None:
        raise not_found("there is no such rule")
    if action != "test":
        switch_rule(conn, rule_id, action == "enable", actor, reason)
        return
    condition = rule.all_conditions()[0]
    instance = Instance("", rule.id, rule.labels, "firing", now, value=None, threshold=condition.threshold, began_at=now)
    payload = payload_of("alert.test", f"test-{rule.id}", rule, instance, settings, now)
    payload["data"]["message"] = f"This is a test by {actor}: {reason}"[:1000]
    queue_notification(conn, None, rule, payload, settings, now)


def find_rule(rule_id: str, settings: Settings) -> AlertRule | None:
    """The rule with this id."""
    return next((rule for rule in alert_manager.rules(settings) if rule.id == rule_id), None)


def _matchers_of(given: Mapping[str, Any]) -> dict[str, Any]:
    matchers = given.get("matchers")
    if not isinstance(matchers, dict) or not matchers or set(matchers) - _MATCHERS:
        raise unprocessable("matchers", "takes at least one of rule_id, service, labels")
    for name in ("rule_id", "service"):
        value = matchers.get(name)
        if value is not None and (not isinstance(value, str) or not value or len(value) > 200):
            raise unprocessable(f"matchers.{name}", "takes a text")
    labels = matchers.get("labels")
    is_flat = isinstance(labels, dict) and all(isinstance(value, str) for value in labels.values())
    if labels is not None and not is_flat:
        raise unprocessable("matchers.labels", "takes an object of texts")
    if not any(matchers.values()):
        raise unprocessable("matchers", "takes at least one of rule_id, service, labels")
    return {name: value for name, value in matchers.items() if value}


def _end_of(given: Mapping[str, Any], now: datetime) -> datetime:
    raw = given.get("ends_at")
    try:
        ends_at = datetime.fromisoformat(raw) if isinstance(raw, str) else None
        ends_at = ends_at and (ends_at if ends_at.tzinfo else ends_at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        ends_at = None
    if ends_at is None or ends_at <= now:
        raise unprocessable("ends_at", "is required: an ISO 8601 time in the future such as 2026-01-31T12:00:00Z")
    return ends_at
