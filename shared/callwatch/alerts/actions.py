"""What people do to alerts, rules and silences; each action records the actor, the time and the reason."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeGuard, get_args

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.notifications.channels import is_configured, list_channels, list_names
from callwatch.alerts.notifications.outbox import queue_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.rule_state import load_instance
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.alerts.serializers import find_alert, load_alert_detail
from callwatch.db import lock_in_transaction
from callwatch.db.alert_queries.alerts import acknowledge_alert, add_timeline, get_alert, get_group_id
from callwatch.db.alert_queries.channel_states import end_holds
from callwatch.db.alert_queries.delivery_history import list_notified_channels
from callwatch.db.alert_queries.rule_states import mark_acknowledged, note_action, switch_rule
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, Invalid, LockUnavailable, NotFound, Unavailable
from callwatch.models.constraints import find_max_chars
from callwatch.models.shapes.actions import ActionReason
from callwatch.models.shapes.rules import RuleVerb
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import AlertParts

# Shorter than the caller's statement timeout.
_WAIT_S = 4.0
_MAX_CHARS = find_max_chars(ActionReason)


def require_reason(given: Any, otherwise: str | None = None) -> str:
    """Return the reason for an action, scrubbed; `otherwise` if none is given.

    Raises Invalid.
    """
    if otherwise is not None and isinstance(given, dict) and "reason" not in given:
        return otherwise
    reason = given.get("reason") if isinstance(given, dict) else None
    if not is_text(reason, _MAX_CHARS["reason"]) or not reason.strip():
        raise Invalid("reason", "must be a text of 1 to 1,000 characters, more than blanks")
    return scrub_text(reason.strip())


def acknowledge(conn: AnyConnection, raw_id: str, given: Any, actor: str, settings: Settings, now: datetime) -> AlertParts:
    """Acknowledge a firing alert: no reminders until it resolves. The caller commits.

    Raises NotFound, Conflict, Invalid, Unavailable.
    """
    reason = require_reason(given)
    alert_id = find_alert(conn, raw_id)
    wait_for_evaluation(conn)
    row = get_alert(conn, alert_id)
    if row is None:
        raise NotFound("no alert has this id")
    if not acknowledge_alert(conn, alert_id, actor):
        raise Conflict("only a firing alert can be acknowledged; this one is resolved", code="not_firing")
    add_timeline(conn, alert_id, now, "acknowledged", actor, reason)
    state = mark_acknowledged(conn, alert_id)
    rule = find_rule(conn, row["rule_id"], settings)
    # No notification if none was sent when it fired, or if the same person acknowledges twice.
    is_news = row["acknowledged_by"] != actor
    if is_news and rule is not None and state is not None and load_instance(state).is_notified:
        notify_acknowledged(conn, alert_id, rule, load_instance(state), actor, reason, settings, now)
    return load_alert_detail(conn, raw_id)


def wait_for_evaluation(conn: AnyConnection, wait_s: float = _WAIT_S) -> None:
    """Keep evaluations out until the transaction ends: a running one would write back the state that it read before.

    Raises Unavailable if one runs for too long.
    """
    try:
        lock_in_transaction(conn, "evaluate", wait_s)
    except LockUnavailable:
        raise Unavailable("an evaluation of the rules is running; try again", code="busy", retry_after_s=5) from None


def act_on_rule(
    conn: AnyConnection, rule_id: str, action: str, given: Any, actor: str, settings: Settings, now: datetime
) -> AlertRule:
    """Enable or disable a rule, or send a marked test notification; returns the rule. The caller commits.

    Raises NotFound, Invalid.
    """
    if action not in get_args(RuleVerb):
        raise NotFound(f"the action must be one of {', '.join(get_args(RuleVerb))}")
    reason = require_reason(given, "no reason given")
    rule = find_rule(conn, rule_id, settings)
    if rule is None:
        raise NotFound("no rule has this id")
    note_action(conn, rule_id, action, actor, reason)
    if action != "test":
        switch_rule(conn, rule_id, action == "enable", actor, reason)
        return rule
    condition = rule.list_conditions()[0]
    instance = Instance("", rule.id, rule.labels, "firing", now, value=None, threshold=condition.threshold, began_at=now)
    test_id = f"test-{rule.id}-{uuid.uuid4().hex[:12]}"
    notification = build_notification("alert.test", test_id, rule, instance, settings, now, actor=actor, reason=reason)
    queue_notification(conn, None, notification, list_channels(rule, settings, instance.labels), now)
    # A test shows whether a repaired channel works, so it ends the hold.
    end_holds(conn, list_channels(rule, settings), now)
    return rule


def notify_acknowledged(
    conn: AnyConnection,
    alert_id: int,
    rule: AlertRule,
    instance: Instance,
    actor: str,
    reason: str,
    settings: Settings,
    now: datetime,
) -> None:
    """Notify the channels that were notified when it fired; none while the alert is silenced."""
    if Silences(load_silences(list_silences_in_force(conn, now), now)).find(instance) is not None:
        return
    group_id = get_group_id(conn, [alert_id])
    by_group = None if group_id is None else str(group_id)
    notification = build_notification(
        "alert.acknowledged", alert_id, rule, instance, settings, now, actor=actor, reason=reason, group_id=by_group
    )
    notified = set(list_notified_channels(conn, alert_id))
    channels = [channel for channel in list_names(settings) if channel in notified and is_configured(channel, settings)]
    queue_notification(conn, alert_id, notification, channels, now)


def find_rule(conn: AnyConnection, rule_id: str, settings: Settings) -> AlertRule | None:
    """Return the rule with this id."""
    return next((rule for rule in list_rules_in_force(conn, settings) if rule.id == rule_id), None)


def is_text(value: object, max_characters: int) -> TypeGuard[str]:
    """Whether PostgreSQL can store the text: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or not 0 < len(value) <= max_characters or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
