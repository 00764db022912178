"""The database is up again: writes the rows of the outage, and queues open deliveries and the all-clear."""

from dataclasses import replace
from datetime import datetime, timedelta

from callwatch.alerts.alert_row import build_alert_row
from callwatch.alerts.notifications.channels import database, is_configured
from callwatch.alerts.notifications.notification import Notification, dump_notification, load_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.outage.direct_delivery import build_message_id, is_open
from callwatch.alerts.outage.outage import Outage, OutageMemory, build_outage_id, build_outage_key
from callwatch.alerts.outage.outage_start import build_outage_instance, find_outage_rule
from callwatch.alerts.outage.records import Notice, OutageRecord
from callwatch.alerts.silencing.maintenance import list_spans
from callwatch.db.alert_queries.alert_transitions import open_alerts, resolve_alerts
from callwatch.db.alert_queries.alerts import add_timeline
from callwatch.db.alert_queries.outbox import NewDelivery, add_delivery
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_one
from callwatch.db.queries.check_results import fill_outage
from callwatch.db.queries.cycles import find_first_cycle_after, read_last_cycle_at
from callwatch.settings import get_settings
from callwatch.times import format_time

# Cycles are a minute apart: a longer gap means that the monitor did not run, or could not write.
_GAP = timedelta(minutes=2)
_PAGERDUTY = "pagerduty"


def end_database_outage(conn: AnyConnection, memory: OutageMemory, now: datetime) -> bool:
    """Write the alert of an outage that ended, from firing to resolved, with its timeline, deliveries and minutes.

    True if there was one; the caller commits, then calls forget_outage(). Idempotent.
    """
    kind, outage = memory.kind, memory.find_current()
    if outage is None:
        _close_unremembered(conn, memory, now)
        return False
    since = datetime.fromisoformat(outage["since"])
    ended_at = _find_end(conn, since, now)
    reason = outage.get("code", "unreachable")
    for begin, end, is_maintenance in list_spans(conn, "database", since, ended_at):
        fill_outage(conn, "database", reason, begin, end, is_maintenance)
    began = "the database had no free connection" if outage.get("code") == "saturated" else kind.began
    return write_outage(conn, kind, outage, ended_at, now, began)


def write_outage(conn: AnyConnection, kind: Outage, outage: OutageRecord, ended_at: datetime, now: datetime, began: str) -> bool:
    """Write the alert of an outage that ended, and queue its all-clear; returns True. The caller commits.

    Idempotent.
    """
    since = datetime.fromisoformat(outage["since"])
    key = build_outage_key(outage["since"], kind)
    if fetch_one(conn, "SELECT id FROM callwatch.alerts WHERE alert_key = %s", (key,)):
        return True
    alert_id = _open(conn, kind, outage, key)
    add_timeline(conn, alert_id, since, "firing", "callwatch", began)
    for notice in outage["notices"]:
        _store_notification(conn, alert_id, notice, now)
    resolve_alerts(conn, {alert_id: "recovered"}, ended_at)
    add_timeline(conn, alert_id, ended_at, "resolved", "callwatch", kind.ended)
    if outage["notices"]:
        _queue_resolve(conn, alert_id, kind, outage, now)
    return True


def _find_end(conn: AnyConnection, since: datetime, now: datetime) -> datetime:
    """Return when the database responded again: now, or earlier if another monitor recorded a cycle before."""
    seen_at = find_first_cycle_after(conn, since)
    return min(seen_at, now) if seen_at else now


def _close_unremembered(conn: AnyConnection, memory: OutageMemory, now: datetime) -> None:
    """Resolve at PagerDuty what a monitor may have opened that was replaced before the database was back.

    Only a monitor that remembers no outage since the last cycle does so, after a gap in the cycles. A resolve without an open
    incident changes nothing; other channels would send the end of an alert that people may never have seen.
    """
    if not is_configured(_PAGERDUTY, get_settings()):
        return
    last_at, _set_up_at = read_last_cycle_at(conn)
    if last_at is None or now - last_at < _GAP:
        return
    ended_at = memory.load_remembered().get("ended_at")
    if ended_at is not None and datetime.fromisoformat(ended_at) > last_at:
        return
    unremembered: OutageRecord = {"since": format_time(last_at), "reason": "", "notices": []}
    _add_all_clear(conn, None, _PAGERDUTY, _build_all_clear(memory.kind, unremembered, now), now)


def _open(conn: AnyConnection, kind: Outage, outage: OutageRecord, key: str) -> int:
    settings = get_settings()
    rule, instance = find_outage_rule(kind, settings), build_outage_instance(outage, kind)
    return open_alerts(conn, [build_alert_row(rule, replace(instance, key=key), settings, instance.since)])[key]


def _store_notification(conn: AnyConnection, alert_id: int, notice: Notice, now: datetime) -> None:
    """Store the deliveries of a notification; an open one becomes due in the outbox under the same id."""
    shares, at = notice["channels"], datetime.fromisoformat(notice["at"])
    first_id = next(iter(shares.values()), {"message_id": f"alert {alert_id}, notice {notice['number']}"})["message_id"]
    database.record(conn, alert_id, load_notification(notice["payload"]), f"{first_id}:record", at)
    for channel, share in shares.items():
        delivery: NewDelivery = {
            "alert_id": alert_id,
            "channel": channel,
            "kind": "alert.firing",
            "payload": notice["payload"],
            "message_id": share["message_id"],
            "attempts": share["attempts"],
            "last_error": share["error"],
            "state": "due" if is_open(share) else "failed" if share["is_failed"] else "sent",
            "due_at": now,
            "sent_at": datetime.fromisoformat(share["sent_at"]) if share["sent_at"] else None,
        }
        add_delivery(conn, delivery)
    reached = [channel for channel, share in shares.items() if share["sent_at"]]
    where = f"without the database, to {', '.join(reached) or 'no channel yet'}"
    add_timeline(conn, alert_id, at, "notified: firing" if notice["number"] == 1 else "notified: reminder", "callwatch", where)


def _queue_resolve(conn: AnyConnection, alert_id: int, kind: Outage, outage: OutageRecord, now: datetime) -> None:
    """Queue the all-clear for every channel that was notified or still will be."""
    notification = _build_all_clear(kind, outage, now)
    database.record(conn, alert_id, notification, f"{build_outage_id(outage['since'], kind)}:resolved:record", now)
    channels = {channel for notice in outage["notices"] for channel in notice["channels"]}
    for channel in sorted(channels):
        _add_all_clear(conn, alert_id, channel, notification, now)
    add_timeline(conn, alert_id, now, "notified: resolved", "callwatch", None)


def _build_all_clear(kind: Outage, outage: OutageRecord, now: datetime) -> Notification:
    settings = get_settings()
    over = replace(build_outage_instance(outage, kind), value=0.0, detail=None)
    rule = find_outage_rule(kind, settings)
    return build_notification("alert.resolved", build_outage_id(outage["since"], kind), rule, over, settings, now)


def _add_all_clear(conn: AnyConnection, alert_id: int | None, channel: str, notification: Notification, now: datetime) -> None:
    message_id = build_message_id(notification.alert_id, channel, "resolved")
    add_delivery(
        conn,
        {
            "alert_id": alert_id,
            "channel": channel,
            "kind": "alert.resolved",
            "message_id": message_id,
            "payload": dump_notification(notification),
            "due_at": now,
        },
    )
