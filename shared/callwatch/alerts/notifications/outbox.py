"""The outbox: queues one delivery per channel, in the transaction of the change that it is about."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from callwatch.alerts.notifications.channels import database
from callwatch.alerts.notifications.notification import Notification, dump_notification
from callwatch.db.alert_queries.outbox import add_delivery
from callwatch.db.core.connect import AnyConnection


def queue_notification(
    conn: AnyConnection,
    alert_id: int | None,
    notification: Notification,
    channels: Iterable[str],
    now: datetime,
    alert_ids: Sequence[int] = (),
) -> None:
    """Queue one delivery for each channel, and record the audit trail. The caller commits.

    alert_ids: all alerts that the notification is about, if there are several.
    """
    database.record(conn, alert_id, notification, create_message_id(), now, alert_ids)
    for channel in channels:
        queue_delivery(conn, alert_id, notification, channel, now, alert_ids)


def queue_delivery(
    conn: AnyConnection,
    alert_id: int | None,
    notification: Notification,
    channel: str,
    now: datetime,
    alert_ids: Sequence[int] = (),
) -> None:
    """Queue one delivery for one channel. The caller commits."""
    add_delivery(
        conn,
        {
            "alert_id": alert_id,
            "alert_ids": list(alert_ids),
            "channel": channel,
            "kind": notification.kind,
            "message_id": create_message_id(),
            "payload": dump_notification(notification),
            "due_at": now,
        },
    )


def create_message_id() -> str:
    """Create an id that a message keeps on every attempt."""
    return f"msg_{uuid.uuid4().hex}"
