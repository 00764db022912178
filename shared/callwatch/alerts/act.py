"""What people do to alerts, rules and silences; each action leaves who, when and why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.channels import channels_for
from callwatch.alerts.instance import Instance
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import payload_of
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.rule import AlertRule
from callwatch.alerts.show import alert_detail, find_alert, parse_id, silence_item
from callwatch.alerts.state import instance_of
from callwatch.db import lock_in_transaction
from callwatch.db.alerts import acknowledge_alert, add_timeline, get_alert
from callwatch.db.channel_states import end_holds
from callwatch.db.connect import AnyConnection
from callwatch.db.rule_states import add_silence, end_silence, mark_acknowledged, note_action, switch_rule
from callwatch.exceptions import LockUnavailable
from callwatch.http import HttpError, not_found, unavailable, unprocessable
from callwatch.settings import Settings
from callwatch.tracker.scrub import scrub_text

_MATCHERS = {"rule_id", "service", "labels"}
# Shorter than the statement timeout of whoever asks.
_WAIT_S = 4.0
RULE_ACTIONS = ("enable", "disable", "test")


def reason_of(given: Any, otherwise: str | None = None) -> str:
    """The reason that an action needs, with nothing private in it; `otherwise` where none is given.

    Raises HttpError 422.
    """
    if otherwise is not None and isinstance(given, dict) and "reason" not in given:
        return otherwise
    reason = given.get("reason") if isinstance(given, dict) else None
    if not _is_text(reason, 1000) or not str(reason).strip():
        raise unprocessable("reason", "is required: a text of at most 1,000 characters")
    return scrub_text(str(reason).strip())


def acknowledge(conn: AnyConnection, raw_id: str, given: Any, actor: str, settings: Settings, now: datetime) -> dict[str, Any]:
    """Acknowledge a firing alert: no reminders until it resolves. The caller commits. Raises HttpError 404, 409, 422, 503."""
    reason = reason_of(given)
    alert_id = find_alert(conn, raw_id)
    try:
        # Else an evaluation at work would write back the state that it read before.
        lock_in_transaction(conn, "evaluate", _WAIT_S)
    except LockUnavailable:
        raise unavailable("busy", "the rules are being judged right now; try again") from None
    row = get_alert(conn, alert_id)
    if row is None:
        raise not_found("there is no such alert")
    if not acknowledge_alert(conn, alert_id, actor):
        raise HttpError(409, "not_firing", "only a firing alert can be acknowledged; this one is resolved")
    add_timeline(conn, alert_id, now, "acknowledged", actor, reason)
    state = mark_acknowledged(conn, alert_id)
    rule = find_rule(row["rule_id"], settings)
    # Whoever was not told that it fires has nothing to be told of; a second click is no news.
    is_news = row["acknowledged_by"] != actor
    if is_news and rule is not None and state is not None and instance_of(state).is_notified:
        payload = payload_of("alert.acknowledged", alert_id, rule, instance_of(state), settings, now)
        payload["data"]["message"] = f"Acknowledged by {actor}: {reason}\n{payload['data']['message']}"
        queue_notification(conn, alert_id, rule, payload, settings, now)
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
) -> AlertRule:
    """Enable or disable a rule, or send a marked test notification; returns the rule. The caller commits.

    Raises HttpError 404, 422.
    """
    if action not in RULE_ACTIONS:
        raise not_found(f"the action is one of {', '.join(RULE_ACTIONS)}")
    reason = reason_of(given, "no reason given")
    rule = find_rule(rule_id, settings)
    if rule is None:
        raise not_found("there is no such rule")
    note_action(conn, rule_id, action, actor, reason)
    if action != "test":
        switch_rule(conn, rule_id, action == "enable", actor, reason)
        return rule
    condition = rule.all_conditions()[0]
    instance = Instance("", rule.id, rule.labels, "firing", now, value=None, threshold=condition.threshold, began_at=now)
    payload = payload_of("alert.test", f"test-{rule.id}", rule, instance, settings, now)
    payload["data"]["message"] = f"This is a test by {actor}: {reason}"[:1000]
    queue_notification(conn, None, rule, payload, settings, now)
    # Whoever mended a channel wants to see that it works.
    end_holds(conn, channels_for(rule, settings), now)
    return rule


def find_rule(rule_id: str, settings: Settings) -> AlertRule | None:
    """The rule with this id."""
    return next((rule for rule in alert_manager.rules(settings) if rule.id == rule_id), None)


def _matchers_of(given: Mapping[str, Any]) -> dict[str, Any]:
    matchers = given.get("matchers")
    if not isinstance(matchers, dict) or not matchers or set(matchers) - _MATCHERS:
        raise unprocessable("matchers", "takes at least one of rule_id, service, labels")
    for name in ("rule_id", "service"):
        if matchers.get(name) is not None and not _is_text(matchers[name], 200):
            raise unprocessable(f"matchers.{name}", "takes a text of at most 200 characters")
    labels = matchers.get("labels")
    if labels is not None and not (isinstance(labels, dict) and len(labels) <= 20 and _are_texts(labels)):
        raise unprocessable("matchers.labels", "takes an object of at most 20 texts of at most 200 characters")
    if not any(matchers.values()):
        raise unprocessable("matchers", "takes at least one of rule_id, service, labels")
    return {name: value for name, value in matchers.items() if value}


def _are_texts(labels: Mapping[str, Any]) -> bool:
    # An alert's label may be empty, as the type of an error without one.
    return all(_is_text(name, 200) and (value == "" or _is_text(value, 200)) for name, value in labels.items())


def _is_text(value: Any, most: int) -> bool:
    """A text that PostgreSQL can keep: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or not 0 < len(value) <= most or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


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
