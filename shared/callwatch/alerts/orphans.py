"""Alerts that no rule evaluates any more: the rule was disabled or removed, or its instance disappeared. They end."""

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.notifications.channels import is_configured
from callwatch.alerts.notifications.notification import describe_end
from callwatch.alerts.notifications.outbox import queue_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.db.alert_queries.alert_transitions import Note, add_notes, resolve_alerts
from callwatch.db.alert_queries.alerts import FiringRow, add_timeline, is_group_over, list_firing_rows
from callwatch.db.alert_queries.delivery_history import list_notified_channels
from callwatch.db.alert_queries.rule_states import Switch, forget_rules
from callwatch.db.core.connect import AnyConnection
from callwatch.models.alert import AlertLevel, EndReason
from callwatch.settings import get_settings


def resolve_orphans(
    conn: AnyConnection,
    off: Mapping[str, Switch],
    firing: Set[str] | None,
    silences: Silences,
    now: datetime,
) -> None:
    """End the alerts of rules in `off` (id to who disabled it, and why) and those whose key is not in `firing`.

    firing: keys of all firing instances; None if not every rule was evaluated. The channels that were notified of an
    alert are notified of its end. The caller commits.
    """
    ends: dict[int, tuple[FiringRow, EndReason, str]] = {}
    for row in list_firing_rows(conn):
        switch = off.get(row["rule_id"])
        if switch is not None:
            ends[row["id"]] = row, "rule_disabled", f"the rule was disabled by {switch['actor']}: {switch['reason']}"
        elif firing is not None and row["alert_key"] not in firing:
            ends[row["id"]] = row, "rule_removed", "its rule no longer exists"
    ended = sorted(resolve_alerts(conn, {alert_id: end for alert_id, (_row, end, _why) in ends.items()}, now))
    notes = [(alert_id, ends[alert_id][1], ends[alert_id][2]) for alert_id in ended]
    add_notes(conn, [Note(alert_id, now, describe_end(end).lower(), "callwatch", why) for alert_id, end, why in notes])
    groups: dict[int, tuple[FiringRow, EndReason, str]] = {}
    for alert_id in ended:
        row, end, why = ends[alert_id]
        if row["group_id"] is None:
            notify_over(conn, row, alert_id, end, why, silences, now)
        else:
            groups[row["group_id"]] = (row, end, why)
    forget_rules(conn, list(off))
    for group_id, (row, end, why) in groups.items():
        if is_group_over(conn, group_id):
            notify_over(conn, row, group_id, end, why, silences, now)


def notify_over(
    conn: AnyConnection, row: FiringRow, alert_id: int, end: EndReason, why: str, silences: Silences, now: datetime
) -> None:
    """Notify the channels that were notified of the alert, or of its group, of its end; the rule itself may be gone."""
    instance = Instance("", row["rule_id"], row["labels"], "ok", row["started_at"], threshold=row["threshold"], ended=end)
    channels = [name for name in list_notified_channels(conn, alert_id) if is_configured(name, get_settings())]
    if not channels or silences.find(instance) is not None:
        return
    rule = AlertRule(
        row["rule_id"],
        row["title"],
        AlertLevel(row["level"]),
        channels,
        (Condition("", ">=", row["threshold"] or 0.0),),
        runbook=row["runbook_url"],
    )
    notification = build_notification("alert.resolved", alert_id, rule, instance, get_settings(), now, reason=f"{why}.")
    if notification.end is not None:
        # Its last message: the rule that would render it may be gone.
        notification = replace(notification, summary=row["message"])
    queue_notification(conn, alert_id, notification, channels, now)
    kind = "notified: resolved" if notification.end is None else "notified: ended"
    add_timeline(conn, row["id"], now, kind, "callwatch", None)
