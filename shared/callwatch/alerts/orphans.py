"""Alerts whose rule judges them no more: switched off, taken out, or lost from sight. They end, and say why."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any

from callwatch.alerts.instance import Instance, Silence
from callwatch.alerts.message import payload_of
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.db.alerts import add_timeline, firing_rows, resolve_alert
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import told_channels
from callwatch.db.rule_states import forget_rules
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.settings import get_settings


def resolve_orphans(
    conn: AnyConnection,
    off: Mapping[str, Mapping[str, Any]],
    firing: Set[str] | None,
    silences: Sequence[Silence],
    now: datetime,
) -> None:
    """End the alerts of rules in `off` (id to who switched it off, and why) and those whose key is not in `firing`.

    firing: keys of all instances that fire; None where not every rule was judged. Those who were told of an alert
    are told of its end. The caller commits.
    """
    for row in firing_rows(conn):
        switch = off.get(row["rule_id"])
        if switch is not None:
            why = f"the rule was switched off by {switch['actor']}: {switch['reason']}"
        elif firing is not None and row["alert_key"] not in firing:
            why = "its rule is there no more"
        else:
            continue
        if resolve_alert(conn, row["id"], now):
            add_timeline(conn, row["id"], now, "resolved", "callwatch", why)
            _tell(conn, row, why, silences, now)
    forget_rules(conn, list(off))


def _tell(conn: AnyConnection, row: Mapping[str, Any], why: str, silences: Sequence[Silence], now: datetime) -> None:
    """To the channels that were told of it: the rule that named them may be gone."""
    instance = Instance("", row["rule_id"], row["labels"], "ok", row["started_at"], threshold=row["threshold"])
    channels = [AlertChannel(name) for name in told_channels(conn, row["id"])]
    if not channels or any(silence.matches(instance) for silence in silences):
        return
    rule = AlertRule(
        row["rule_id"],
        row["title"],
        AlertLevel(row["level"]),
        channels,
        (Condition("", ">=", row["threshold"] or 0.0),),
        runbook=row["runbook_url"],
    )
    payload = payload_of("alert.resolved", row["id"], rule, instance, get_settings(), now)
    payload["data"]["message"] = f"Over: {why}."
    queue_notification(conn, row["id"], rule, payload, get_settings(), now)
    add_timeline(conn, row["id"], now, "notified: resolved", "callwatch", None)
