"""The database channel, the audit trail: the transaction that decides on a notification stores it."""

from collections.abc import Sequence
from datetime import datetime

from callwatch.alerts.notifications.notification import Notification, dump_notification
from callwatch.db.alert_queries.outbox import add_delivery
from callwatch.db.core.connect import AnyConnection


def record(
    conn: AnyConnection,
    alert_id: int | None,
    notification: Notification,
    message_id: str,
    now: datetime,
    alert_ids: Sequence[int] = (),
) -> None:
    """Store the notification, whatever happens in the other channels. The caller commits."""
    add_delivery(
        conn,
        {
            "alert_id": alert_id,
            "alert_ids": list(alert_ids),
            "channel": "database",
            "kind": notification.kind,
            "message_id": message_id,
            "payload": dump_notification(notification),
            "due_at": now,
            "state": "sent",
            "attempts": 1,
        },
    )
