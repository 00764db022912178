"""What was sent where: of an alert, of the tests of rules, and when the audit trail was last written."""

from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.models.shapes.alerts import Delivery

# A test belongs to no alert; its deliveries come from one transaction, and so have one time.
_TESTS = """
    SELECT rule_id, channel, kind, state, attempts, last_error, created_at, sent_at, message_id FROM (
        SELECT *, rank() OVER (PARTITION BY rule_id ORDER BY created_at DESC) AS place FROM (
            SELECT *, coalesce(payload ->> 'rule_id', payload #>> '{data,rule_id}') AS rule_id
            FROM callwatch.deliveries WHERE alert_id IS NULL AND kind = 'alert.test'
        ) AS tests
    ) AS placed WHERE place = 1 ORDER BY id
"""


class _ChannelRow(TypedDict):
    channel: str


class _Record(TypedDict):
    created_at: datetime


class _TestRow(Delivery):
    rule_id: str


def list_deliveries(conn: AnyConnection, alert_id: int) -> list[Delivery]:
    """Deliveries of an alert, oldest first."""
    return fetch_all(
        conn,
        "SELECT channel, kind, state, attempts, last_error, created_at, sent_at, message_id"
        " FROM callwatch.deliveries WHERE alert_id = %s OR (alert_ids <> '{}' AND alert_ids @> ARRAY[%s::bigint]) ORDER BY id",
        (alert_id, alert_id),
        Delivery,
    )


def list_notified_channels(conn: AnyConnection, alert_id: int) -> list[str]:
    """Return the channels that an alert's firing was or will be sent to."""
    rows = fetch_all(
        conn,
        "SELECT DISTINCT channel FROM callwatch.deliveries"
        " WHERE ((alert_ids = '{}' AND alert_id = %s) OR (alert_ids <> '{}' AND alert_ids @> ARRAY[%s::bigint]))"
        " AND kind = 'alert.firing' AND state <> 'withdrawn' ORDER BY channel",
        (alert_id, alert_id),
        _ChannelRow,
    )
    return [row["channel"] for row in rows]


def list_test_deliveries(conn: AnyConnection) -> dict[str, list[Delivery]]:
    """Deliveries of each rule's latest test, as list_deliveries shows them, by rule id."""
    found: dict[str, list[Delivery]] = {}
    for row in fetch_all(conn, _TESTS, (), _TestRow):
        found.setdefault(row["rule_id"], []).append(_show(row))
    return found


def find_last_record(conn: AnyConnection) -> datetime | None:
    """When the audit trail was last written; every notification is in it, so the first row of a scan by id is near the end."""
    row = fetch_one(
        conn,
        "SELECT created_at FROM callwatch.deliveries WHERE channel = 'database' ORDER BY id DESC LIMIT 1",
        (),
        _Record,
    )
    return row["created_at"] if row else None


def _show(row: _TestRow) -> Delivery:
    return {
        "channel": row["channel"],
        "kind": row["kind"],
        "state": row["state"],
        "attempts": row["attempts"],
        "last_error": row["last_error"],
        "created_at": row["created_at"],
        "sent_at": row["sent_at"],
        "message_id": row["message_id"],
    }
