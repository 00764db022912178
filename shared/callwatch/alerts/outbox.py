"""What goes into the outbox: one delivery a channel, in the transaction of what it tells."""

import uuid
from datetime import datetime
from typing import Any

from callwatch.alerts.channels import channels_for, database
from callwatch.alerts.rule import AlertRule
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import add_delivery
from callwatch.settings import Settings


def queue_notification(
    conn: AnyConnection,
    alert_id: int | None,
    rule: AlertRule,
    payload: dict[str, Any],
    settings: Settings,
    now: datetime,
) -> None:
    """One delivery for each channel of the rule that is configured, and the audit trail's. The caller commits."""
    database.record(conn, alert_id, payload, new_message_id(), now)
    for channel in channels_for(rule, settings, payload["data"]["labels"]):
        delivery = {
            "alert_id": alert_id,
            "channel": channel,
            "kind": payload["type"],
            "message_id": new_message_id(),
            "payload": payload,
            "due_at": now,
        }
        add_delivery(conn, delivery)


def new_message_id() -> str:
    """What names a message on every try."""
    return f"msg_{uuid.uuid4().hex}"
