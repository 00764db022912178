"""Notifications that are silenced while they wait in the outbox: they are held, and withdrawn unless they are an all-clear.

1. `deliver_due` skips deliveries that a silence matches, and groups of which it matches a part (`find_muted_deliveries`).
2. The next evaluation removes the silenced part (`withdraw_muted`): a firing alert is withdrawn and notified when the
   silence ends; an all-clear that is due waits for that in a delivery of its own.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silence, Silences
from callwatch.alerts.notifications.notification import Member, Notification, dump_notification, load_notification, select_members
from callwatch.alerts.notifications.outbox import create_message_id
from callwatch.db.alert_queries.delivery_history import list_notified_channels
from callwatch.db.alert_queries.outbox import (
    WaitingDelivery,
    WithdrawnDelivery,
    add_delivery,
    list_due_payloads,
    replace_payload,
    withdraw_deliveries,
)
from callwatch.db.core.connect import AnyConnection

_log = logging.getLogger(__name__)


def find_muted_deliveries(conn: AnyConnection, silences: Silences) -> list[int]:
    """Return the ids of waiting deliveries that a silence matches completely or in part."""
    if not silences:
        return []
    waiting = ((row["id"], _load(row)) for row in list_due_payloads(conn))
    return [id_ for id_, notification in waiting if notification and _find_muted_part(notification, silences)]


def withdraw_muted(
    conn: AnyConnection, silences: Sequence[Silence], known: dict[str, Instance], alert_ids: Mapping[str, int | None]
) -> dict[str, Instance]:
    """Withdraw what is muted and return the known instances: a channel that was not notified is due no all-clear.

    The caller commits.
    """
    index = Silences(silences)
    withdrawn: set[int] = set()
    for row in list_due_payloads(conn) if index else []:
        notification = _load(row)
        muted = _find_muted_part(notification, index) if notification else []
        if not notification or not muted or row["is_claimed"]:
            continue
        if len(muted) < len(notification.members):
            withdrawn |= _split(conn, row, notification, muted)
        elif notification.kind == "alert.resolved" and notification.members:
            _drop_unheard(conn, row, muted)
        else:
            for gone in withdraw_deliveries(conn, [row["id"]]):
                withdrawn |= _list_alerts(gone) if gone["kind"] == "alert.firing" else set()
    return _filter_heard(conn, known, alert_ids, withdrawn) if withdrawn else known


def _list_alerts(delivery: WithdrawnDelivery) -> set[int]:
    first = {delivery["alert_id"]} if delivery["alert_id"] is not None else set()
    return {*first, *delivery["alert_ids"]}


def _load(row: WaitingDelivery) -> Notification | None:
    """The row's notification; None if it cannot be read. Its delivery then fails by itself, and stops no other."""
    try:
        return load_notification(row["payload"])
    except Exception as error:
        _log.error("a waiting notification cannot be read", extra={"delivery": row["id"], "error": type(error).__name__})
        return None


def _split(conn: AnyConnection, row: WaitingDelivery, notification: Notification, muted: Sequence[Member]) -> set[int]:
    """Remove the muted members from a group's notification; returns the alerts that are no longer notified by it."""
    kept = tuple(member for member in notification.members if member not in muted)
    ids = [int(member.alert_id) for member in muted]
    left = [alert_id for alert_id in row["alert_ids"] if alert_id not in ids]
    replace_payload(conn, row["id"], dump_notification(select_members(notification, kept)), left)
    over = [member for member in muted if member.is_over and row["channel"] in list_notified_channels(conn, int(member.alert_id))]
    if over:
        waiting = replace(select_members(notification, tuple(over)), kind="alert.resolved")
        add_delivery(
            conn,
            {
                "alert_id": row["alert_id"],
                "alert_ids": [int(member.alert_id) for member in over],
                "channel": row["channel"],
                "kind": "alert.resolved",
                "message_id": create_message_id(),
                "payload": dump_notification(waiting),
                "due_at": notification.at,
            },
        )
    return {int(member.alert_id) for member in muted if not member.is_over}


def _drop_unheard(conn: AnyConnection, row: WaitingDelivery, muted: Sequence[Member]) -> None:
    """Remove from a group's all-clear the alerts that this channel was never notified of."""
    heard = tuple(member for member in muted if row["channel"] in list_notified_channels(conn, int(member.alert_id)))
    if len(heard) == len(muted):
        return
    notification = load_notification(row["payload"])
    payload = dump_notification(select_members(notification, heard)) if heard else row["payload"]
    replace_payload(conn, row["id"], payload, [int(member.alert_id) for member in heard], is_withdrawn=not heard)


def _filter_heard(
    conn: AnyConnection, known: dict[str, Instance], alert_ids: Mapping[str, int | None], withdrawn: set[int]
) -> dict[str, Instance]:
    found = dict(known)
    for key, alert_id in alert_ids.items():
        instance = known.get(key)
        if instance is None or alert_id is None or alert_id not in withdrawn or instance.notified_channels is None:
            continue
        notified = set(list_notified_channels(conn, alert_id))
        left = tuple(channel for channel in instance.notified_channels if channel in notified)
        found[key] = replace(instance, notified_channels=left)
        if not left:
            found[key] = replace(found[key], is_notified=False, last_notified_at=None, group=None)
    return found


def _find_muted_part(notification: Notification, silences: Silences) -> Sequence[Any]:
    """Return the members that are muted now; for a single alert the notification itself."""
    if not notification.members:
        return [notification] if silences.find(notification) is not None else []
    return [member for member in notification.members if silences.find(member) is not None]
