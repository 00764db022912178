"""The daily digest: alerts of level info that a route collects instead of notifying each.

An entry is added when the alert fires, with the time of the next digest. Entries that are due are marked and queued in one
transaction, so each alert is in exactly one digest.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.notifications.notification import Member, Notification, is_recovery, render_subject
from callwatch.alerts.notifications.outbox import queue_notification
from callwatch.alerts.notifications.rendering import build_alerts_url
from callwatch.alerts.routing.routes_in_force import RoutesInForce, is_collected, list_routed_channels
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.digests import DigestAlert, add_digest_entries, take_due_digests
from callwatch.models.alert import is_keyed
from callwatch.settings import Settings

_MAX_MEMBERS = 100
_MAX_NAMED = 5


def collect(
    conn: AnyConnection,
    instances: Iterable[Instance],
    rules: Mapping[str, AlertRule],
    alert_ids: Mapping[str, int | None],
    routes: RoutesInForce,
    silences: Silences,
    settings: Settings,
    now: datetime,
) -> None:
    """Add firing alerts of collecting routes to the next digest, each once; not while a silence mutes them.

    The caller commits.
    """
    rows = []
    for instance in instances:
        rule, alert_id = rules.get(instance.rule_id), alert_ids.get(instance.key)
        if rule is None or alert_id is None or instance.state != "firing" or instance.is_notified:
            continue
        route = routes.find_for(rule, instance)
        if route.digest is None or not is_collected(route, rule) or silences.find(instance) is not None:
            continue
        channels = [name for name in list_routed_channels(route, rule, settings, instance.labels) if not is_keyed(name)]
        rows.append((alert_id, route.name, channels, route.digest.find_next(now)))
    add_digest_entries(conn, rows)


def send_due(conn: AnyConnection, settings: Settings, now: datetime) -> None:
    """Queue the digests that are due, one for each route and channel. The caller commits."""
    parts: dict[tuple[str, tuple[str, ...]], list[DigestAlert]] = {}
    for alert in take_due_digests(conn, now):
        parts.setdefault((alert["route"], tuple(alert["channels"])), []).append(alert)
    for (route, channels), alerts in parts.items():
        ids = [alert["id"] for alert in alerts]
        queue_notification(conn, ids[0], build_digest(route, alerts, settings, now), channels, now, ids)


def build_digest(route: str, alerts: Sequence[DigestAlert], settings: Settings, now: datetime) -> Notification:
    """Build the notification of a digest."""
    members = tuple(
        Member(
            str(alert["id"]), alert["rule_id"], alert["title"], alert["level"], alert["message"], alert["labels"],
            alert["state"] != "firing", alert["runbook_url"], None if is_recovery(alert["end_reason"]) else alert["end_reason"],
        )
        for alert in alerts[:_MAX_MEMBERS]
    )  # fmt: skip
    count_over = sum(alert["state"] != "firing" for alert in alerts)
    count, firing = len(alerts), len(alerts) - count_over
    noun = f"{count} info {'alert' if count == 1 else 'alerts'}"
    names = "; ".join(f"{member.title}{render_subject(member.labels)}" for member in members[:_MAX_NAMED])
    more = f" and {count - _MAX_NAMED} more" if count > _MAX_NAMED else ""
    return Notification(
        kind="alert.firing" if firing else "alert.resolved",
        at=now,
        alert_id=members[0].alert_id,
        rule_id=members[0].rule_id,
        title=f"Daily digest of {route}: {noun}",
        level="info",
        summary=f"{noun} since the last digest, {firing} still firing: {names}{more}",
        since=min(alert["started_at"] for alert in alerts),
        occasion="digest",
        dashboard_url=build_alerts_url(settings),
        runbook_url=members[0].runbook_url,
        members=members,
        count=count,
        count_over=count_over,
    )
