"""What goes into the outbox: one delivery a channel, in the transaction of what it tells."""

import uuid
from datetime import datetime
from typing import Any

from callwatch.alerts.channels import CHANNELS, channels_for, database, is_configured
from callwatch.alerts.rule import AlertRule
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import add_delivery, told_channels
from callwatch.settings import Settings


def queue_notification(
    conn: AnyConnection,
    alert_id: int | None,
    rule: AlertRule,
    payload: dict[str, Any],
    settings: Settings,
    now: datetime,
) -> None:
    """One delivery for each channel that is to be told and is configured, and the audit trail's. The caller commits."""
    channels = _channels_of(conn, alert_id, rule, payload, settings)
    database.record(conn, alert_id, payload, new_message_id(), now)
    for channel in channels:
        delivery = {
            "alert_id": alert_id,
            "channel": channel,
            "kind": payload["type"],
            "message_id": new_message_id(),
            "payload": payload,
            "due_at": now,
        }
        add_delivery(conn, delivery)


def _channels_of(
    conn: AnyConnection, alert_id: int | None, rule: AlertRule, payload: dict[str, Any], settings: Settings
) -> list[str]:
    """The rule's; of what becomes of an alert, those that were told that it fires, though the rule changed meanwhile."""
    if alert_id is not None and payload["type"] != "alert.firing":
        told = told_channels(conn, alert_id)
        if told:
            return [channel for channel in CHANNELS if channel in told and is_configured(channel, settings)]
    return channels_for(rule, settings, payload["data"]["labels"])


def new_message_id() -> str:
    """What names a message on every try."""
    return f"msg_{uuid.uuid4().hex}"
