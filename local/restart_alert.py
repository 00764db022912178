"""Writes the alert for a local process that died and was restarted, as one span from firing to resolved.

It uses the same outbox as every other alert, so the monitor's next cycle sends it to all channels.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime

from callwatch.alerts.alert_row import build_alert_row
from callwatch.alerts.evaluation.instance import Instance, build_instance_key
from callwatch.alerts.notifications.channels import list_channels
from callwatch.alerts.notifications.outbox import queue_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.db.alert_queries.alert_transitions import open_alerts, resolve_alerts
from callwatch.db.alert_queries.alerts import add_timeline
from callwatch.db.core.connect import AnyConnection, open_connection
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.settings import Settings

RULE_ID = "local_process_died"
_CHANNELS = (AlertChannel.LOG, AlertChannel.WEBHOOK, AlertChannel.SLACK)


@dataclass(frozen=True, slots=True)
class Restart:
    """One death of a process, and its end."""

    process: str
    ended_with: str
    died_at: datetime
    started_at: datetime
    tries: int


def report_restart(settings: Settings, restart: Restart) -> None:
    """Write the alert, its timeline and its deliveries in one transaction. Raises if the database fails."""
    assert settings.database_url
    with contextlib.closing(open_connection(settings.database_url)) as conn:
        write_restart(conn, settings, restart)
        conn.commit()


def write_restart(conn: AnyConnection, settings: Settings, restart: Restart) -> None:
    """Write the rows of one restart. The caller commits."""
    lasted_s = (restart.started_at - restart.died_at).total_seconds()
    text = f"{restart.process} ended ({restart.ended_with}) and is up again after {lasted_s:.1f} s, {restart.tries} tries"
    rule = AlertRule(
        RULE_ID,
        "Local process died",
        AlertLevel.WARNING,
        _CHANNELS,
        (Condition("", ">=", 1.0),),
        message=lambda _context: text,
        hint=f"{restart.process} ended and was started again",
    )
    labels = {"service": restart.process}
    key = f"{build_instance_key(RULE_ID, labels)}|{restart.died_at.isoformat()}"
    firing = Instance(key, RULE_ID, labels, "firing", restart.died_at, value=1.0, threshold=1.0)
    alert_id = open_alerts(conn, [build_alert_row(rule, firing, settings, firing.since)])[key]
    add_timeline(conn, alert_id, restart.died_at, "firing", "callwatch", restart.ended_with)
    channels = list_channels(rule, settings, labels)
    notification = build_notification("alert.firing", alert_id, rule, firing, settings, restart.started_at)
    queue_notification(conn, alert_id, notification, channels, restart.started_at)
    resolve_alerts(conn, {alert_id: "recovered"}, restart.started_at)
    add_timeline(conn, alert_id, restart.started_at, "resolved", "callwatch", "it was started again")
    over = Instance(key, RULE_ID, labels, "ok", restart.died_at, value=0.0, threshold=1.0)
    notification = build_notification("alert.resolved", alert_id, rule, over, settings, restart.started_at)
    queue_notification(conn, alert_id, notification, channels, restart.started_at)
