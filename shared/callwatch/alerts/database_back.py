"""PostgreSQL is back: the rows of the outage are written, what did not get through and the all-clear go to the outbox."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.channels import database, is_configured
from callwatch.alerts.database_down import database_rule, outage_instance
from callwatch.alerts.message import iso, payload_of, runbook_url, text_of
from callwatch.alerts.outage import LABELS, MEMORY, current_outage, outage_id, outage_key
from callwatch.alerts.send_now import is_open, message_id_of
from callwatch.db.alerts import add_timeline, open_alert, resolve_alert
from callwatch.db.check_results import fill_outage
from callwatch.db.connect import AnyConnection
from callwatch.db.cycles import first_cycle_after, last_cycle_at
from callwatch.db.deliveries import add_delivery
from callwatch.db.query import fetch_one
from callwatch.settings import get_settings

# Cycles are a minute apart: of more than two the monitor did not run, or had nowhere to write.
_GAP = timedelta(minutes=2)
_PAGERDUTY = "pagerduty"


def database_back(conn: AnyConnection, now: datetime) -> bool:
    """Write the alert of an outage that is over, from firing to resolved, with its timeline, deliveries and minutes.

    True where there was one; the caller commits, then calls forget_outage(). Written twice it is there once.
    """
    outage = current_outage()
    if outage is None:
        _close_unremembered(conn, now)
        return False
    since = datetime.fromisoformat(outage["since"])
    ended_at = _end_of(conn, since, now)
    fill_outage(conn, "database", "unreachable", since, ended_at)
    key = outage_key(outage["since"])
    if fetch_one(conn, "SELECT id FROM callwatch.alerts WHERE alert_key = %s", (key,)):
        return True
    alert_id = _open(conn, outage, key)
    add_timeline(conn, alert_id, since, "firing", "callwatch", "the database did not answer")
    for notice in outage["notices"]:
        _keep_notice(conn, alert_id, notice, now)
    resolve_alert(conn, alert_id, ended_at)
    add_timeline(conn, alert_id, ended_at, "resolved", "callwatch", "the database answers again")
    if outage["notices"]:
        _queue_resolve(conn, alert_id, outage, now)
    return True


def _end_of(conn: AnyConnection, since: datetime, now: datetime) -> datetime:
    """When the database answered again: now, or as another monitor wrote down that took over meanwhile."""
    seen_at = first_cycle_after(conn, since)
    return min(seen_at, now) if seen_at else now


def _close_unremembered(conn: AnyConnection, now: datetime) -> None:
    """Close at PagerDuty what a monitor may have opened that was replaced before the database was back.

    Only one that remembers nothing, after a time without cycles, does so. Where no incident is open a resolve changes
    nothing; the other channels would tell people of the end of what they may never have heard of.
    """
    if MEMORY.load() or not is_configured(_PAGERDUTY, get_settings()):
        return
    last_at, _set_up_at = last_cycle_at(conn)
    if last_at is None or now - last_at < _GAP:
        return
    _add_all_clear(conn, None, _PAGERDUTY, _all_clear({"since": iso(last_at), "reason": ""}, now), now)


def _open(conn: AnyConnection, outage: dict[str, Any], key: str) -> int:
    settings = get_settings()
    rule, instance = database_rule(settings), outage_instance(outage)
    return open_alert(
        conn,
        {
            "alert_key": key,
            "rule_id": rule.id,
            "title": rule.name,
            "level": rule.level.value,
            "message": text_of(rule, instance),
            "value": instance.value,
            "threshold": instance.threshold,
            "service": "database",
            "labels": LABELS,
            "started_at": instance.since,
            "suppressed_by": None,
            "runbook_url": runbook_url(settings, rule.id),
        },
    )


def _keep_notice(conn: AnyConnection, alert_id: int, notice: dict[str, Any], now: datetime) -> None:
    """Its deliveries as they stand: what is still open is due in the outbox, under the same id."""
    shares, at = notice["channels"], datetime.fromisoformat(notice["at"])
    first_id = next(iter(shares.values()), {"message_id": f"alert {alert_id}, notice {notice['number']}"})["message_id"]
    database.record(conn, alert_id, notice["payload"], f"{first_id}:record", at)
    for channel, share in shares.items():
        row = {"alert_id": alert_id, "channel": channel, "kind": "alert.firing", "payload": notice["payload"]}
        row |= {"message_id": share["message_id"], "attempts": share["attempts"], "last_error": share["error"]}
        state = "due" if is_open(share) else "failed" if share["is_failed"] else "sent"
        add_delivery(conn, {**row, "state": state, "due_at": now, "sent_at": share["sent_at"]})
    reached = [channel for channel, share in shares.items() if share["sent_at"]]
    told = f"without the database, to {', '.join(reached) or 'nobody yet'}"
    add_timeline(conn, alert_id, at, "notified: firing" if notice["number"] == 1 else "notified: reminder", "callwatch", told)


def _queue_resolve(conn: AnyConnection, alert_id: int, outage: dict[str, Any], now: datetime) -> None:
    """The all-clear, to every channel that was told, or is still to be."""
    payload = _all_clear(outage, now)
    database.record(conn, alert_id, payload, f"{outage_id(outage['since'])}:resolved:record", now)
    channels = {channel for notice in outage["notices"] for channel in notice["channels"]}
    for channel in sorted(channels):
        _add_all_clear(conn, alert_id, channel, payload, now)
    add_timeline(conn, alert_id, now, "notified: resolved", "callwatch", None)


def _all_clear(outage: dict[str, Any], now: datetime) -> dict[str, Any]:
    settings = get_settings()
    answers = replace(outage_instance(outage), value=0.0, detail=None)
    return payload_of("alert.resolved", outage_id(outage["since"]), database_rule(settings), answers, settings, now)


def _add_all_clear(conn: AnyConnection, alert_id: int | None, channel: str, payload: dict[str, Any], now: datetime) -> None:
    message_id = message_id_of(payload["data"]["alert_id"], channel, "resolved")
    row = {"alert_id": alert_id, "channel": channel, "kind": "alert.resolved", "message_id": message_id}
    add_delivery(conn, {**row, "payload": payload, "due_at": now})
