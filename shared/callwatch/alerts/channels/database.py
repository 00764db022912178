"""The database: the audit trail. A notification is kept by the very transaction that decides on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import add_delivery


def record(conn: AnyConnection, alert_id: int | None, payload: Mapping[str, Any], message_id: str, now: datetime) -> None:
    """Keep what is told, whatever becomes of the other channels. The caller commits."""
    row = {"alert_id": alert_id, "channel": "database", "kind": payload["type"], "message_id": message_id}
    add_delivery(conn, {**row, "payload": payload, "due_at": now, "state": "sent", "attempts": 1})
