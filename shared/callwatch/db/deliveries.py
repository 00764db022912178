"""The outbox: notifications due, claimed by one sender at a time, tried again until they are through."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

_ADD = """
    INSERT INTO callwatch.deliveries (alert_id, channel, kind, message_id, payload, due_at)
    VALUES (%(alert_id)s, %(channel)s, %(kind)s, %(message_id)s, %(payload)s, %(due_at)s)
    ON CONFLICT (message_id) DO NOTHING
"""
# The oldest open delivery of each alert and channel goes first: a resolve never overtakes what it resolves.
_CLAIM = """
    UPDATE callwatch.deliveries AS mine
    SET claimed_until = now() + make_interval(secs => %(lease_s)s), claimed_by = %(holder)s, attempts = attempts + 1
    WHERE mine.id IN (
        SELECT id FROM callwatch.deliveries AS due
        WHERE state = 'due' AND due_at <= %(now)s AND (claimed_until IS NULL OR claimed_until < now())
          AND NOT EXISTS (SELECT 1 FROM callwatch.deliveries earlier
                          WHERE earlier.alert_id = due.alert_id AND earlier.channel = due.channel
                            AND earlier.state = 'due' AND earlier.id < due.id)
        ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id, alert_id, channel, kind, message_id, payload, attempts, created_at
"""
_SENT = """
    UPDATE callwatch.deliveries SET state = 'sent', sent_at = now(), claimed_until = NULL, last_error = NULL
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
_LATER = """
    UPDATE callwatch.deliveries SET due_at = %(due_at)s, claimed_until = NULL, last_error = %(error)s
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
_FAILED = """
    UPDATE callwatch.deliveries SET state = 'failed', claimed_until = NULL, last_error = %(error)s
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
_BROKEN = """
    SELECT DISTINCT ON (channel) channel, state, last_error, coalesce(sent_at, created_at) AS at FROM callwatch.deliveries
    WHERE created_at > %(since)s AND state IN ('sent', 'failed') ORDER BY channel, id DESC
"""


def add_delivery(conn: AnyConnection, delivery: Mapping[str, Any]) -> None:
    """Put a notification into the outbox: alert_id, channel, kind, message_id, payload, due_at. The caller commits."""
    execute(conn, _ADD, {**delivery, "payload": Json(delivery["payload"])})


def claim_due(conn: AnyConnection, holder: str, now: datetime, lease_s: float, limit: int) -> list[dict[str, Any]]:
    """Deliveries that are now this holder's for `lease_s`; the caller commits before it sends."""
    given = {"holder": holder, "now": now, "lease_s": lease_s, "limit": limit}
    return sorted(fetch_all(conn, _CLAIM, given), key=lambda row: int(row["id"]))


def mark_sent(conn: AnyConnection, delivery_id: int, holder: str) -> None:
    """It is through."""
    execute(conn, _SENT, {"id": delivery_id, "holder": holder})


def mark_later(conn: AnyConnection, delivery_id: int, holder: str, due_at: datetime, error: str) -> None:
    """It is tried again at `due_at`."""
    execute(conn, _LATER, {"id": delivery_id, "holder": holder, "due_at": due_at, "error": error})


def mark_failed(conn: AnyConnection, delivery_id: int, holder: str, error: str) -> None:
    """No further try helps."""
    execute(conn, _FAILED, {"id": delivery_id, "holder": holder, "error": error})


def deliveries_of(conn: AnyConnection, alert_id: int) -> list[dict[str, Any]]:
    """Deliveries of an alert, oldest first: channel, kind, state, attempts, last_error, created_at, sent_at, message_id."""
    return fetch_all(
        conn,
        "SELECT channel, kind, state, attempts, last_error, created_at, sent_at, message_id"
        " FROM callwatch.deliveries WHERE alert_id = %s ORDER BY id",
        (alert_id,),
    )


def last_outcomes(conn: AnyConnection, since: datetime) -> list[dict[str, Any]]:
    """The last finished delivery of each channel since a time: channel, state, last_error, at."""
    return fetch_all(conn, _BROKEN, {"since": since})


def told_channels(conn: AnyConnection, alert_id: int) -> list[str]:
    """The channels that an alert's firing is, or will be, told to."""
    rows = fetch_all(
        conn,
        "SELECT DISTINCT channel FROM callwatch.deliveries WHERE alert_id = %s AND kind = 'alert.firing' ORDER BY channel",
        (alert_id,),
    )
    return [row["channel"] for row in rows]
