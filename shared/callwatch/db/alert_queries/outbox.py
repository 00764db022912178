"""The outbox: notifications that wait, those that are withdrawn or too old, and those that are forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

_ADD = """
    INSERT INTO callwatch.deliveries
        (alert_id, alert_ids, incident_id, channel, kind, message_id, payload, due_at, state, attempts, sent_at, last_error)
    VALUES (%(alert_id)s, %(alert_ids)s::bigint[], %(incident_id)s, %(channel)s, %(kind)s, %(message_id)s, %(payload)s,
            %(due_at)s, %(state)s, %(attempts)s,
            coalesce(%(sent_at)s, CASE WHEN %(state)s = 'sent' THEN now() END), %(last_error)s)
    ON CONFLICT (message_id) DO NOTHING
"""
# A delivery that is being sent right now is left alone. An all-clear waits for the end of the silence, unless none of its
# alerts was or will be sent.
_WITHDRAW = """
    UPDATE callwatch.deliveries SET state = 'withdrawn', claimed_until = NULL
    WHERE id = ANY (%(ids)s) AND state = 'due' AND kind IN ('alert.firing', 'alert.acknowledged')
      AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING alert_id, alert_ids, channel, kind
"""
_WITHDRAW_CLEARS = """
    UPDATE callwatch.deliveries AS mine SET state = 'withdrawn', claimed_until = NULL
    WHERE id = ANY (%(ids)s) AND state = 'due' AND kind = 'alert.resolved' AND alert_ids = '{}'
      AND (claimed_until IS NULL OR claimed_until < now())
      AND NOT EXISTS (SELECT FROM callwatch.deliveries AS begun
                      WHERE begun.channel = mine.channel AND begun.kind = 'alert.firing' AND begun.state <> 'withdrawn'
                        AND begun.alert_id = mine.alert_id)
      AND NOT EXISTS (SELECT FROM callwatch.deliveries AS begun
                      WHERE begun.channel = mine.channel AND begun.kind = 'alert.firing' AND begun.state <> 'withdrawn'
                        AND begun.alert_ids <> '{}' AND begun.alert_ids @> ARRAY[mine.alert_id])
"""
_EXPIRE = """
    UPDATE callwatch.deliveries SET state = 'failed', failed_at = %(now)s, claimed_until = NULL,
        last_error = coalesce(last_error || '; ', '') || 'too old to be sent'
    WHERE state = 'due' AND created_at < %(before)s AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING id, alert_id, channel, kind, last_error
"""
# At most this many rows are read in a cycle, the oldest first: ids follow time. The recipients of the end of an alert that
# still fires follow from its earlier deliveries, so the latest delivery to each channel stays.
_LOOKED_AT = 5_000
_FORGET = """
    DELETE FROM callwatch.deliveries WHERE id IN (
        SELECT id FROM (SELECT id, alert_id, channel, state, created_at FROM callwatch.deliveries
                        ORDER BY id LIMIT %(looked_at)s) AS old
        WHERE state <> 'due' AND created_at < %(before)s
          AND NOT (EXISTS (SELECT FROM callwatch.alerts WHERE alerts.id = old.alert_id AND alerts.state = 'firing')
                   AND NOT EXISTS (SELECT FROM callwatch.deliveries AS later
                                   WHERE later.alert_id = old.alert_id AND later.channel = old.channel
                                     AND later.kind = 'alert.firing' AND later.id > old.id)))
"""


class NewDelivery(TypedDict):
    """A delivery for the outbox. state, attempts, sent_at (else now) and last_error: of one that was already sent.

    incident_id: the evaluation finds that of an alert's delivery by itself.
    """

    alert_id: int | None
    channel: str
    kind: str
    message_id: str
    payload: Mapping[str, object]
    due_at: datetime
    alert_ids: NotRequired[Sequence[int]]
    incident_id: NotRequired[int]
    state: NotRequired[str]
    attempts: NotRequired[int]
    sent_at: NotRequired[datetime | None]
    last_error: NotRequired[str | None]


class WaitingDelivery(TypedDict):
    """A waiting delivery; is_claimed: it is being sent right now."""

    id: int
    alert_id: int | None
    alert_ids: list[int]
    channel: str
    payload: dict[str, object]
    is_claimed: bool


class WithdrawnDelivery(TypedDict):
    """A delivery that is not sent any more."""

    alert_id: int | None
    alert_ids: list[int]
    channel: str
    kind: str


class ExpiredDelivery(TypedDict):
    """A delivery that was given up because it is too old."""

    id: int
    alert_id: int | None
    channel: str
    kind: str
    last_error: str


def add_delivery(conn: AnyConnection, delivery: NewDelivery) -> None:
    """Put a notification into the outbox; an existing message_id is left unchanged. The caller commits."""
    already = {"state": "due", "attempts": 0, "sent_at": None, "last_error": None, "alert_ids": [], "incident_id": None}
    execute(conn, _ADD, {**already, **delivery, "payload": Json(delivery["payload"])})


def list_due_payloads(conn: AnyConnection) -> list[WaitingDelivery]:
    """All waiting notifications of alerts, oldest first, except tests."""
    return fetch_all(
        conn,
        "SELECT id, alert_id, alert_ids, channel, payload, coalesce(claimed_until >= now(), false) AS is_claimed"
        " FROM callwatch.deliveries"
        " WHERE state = 'due' AND kind IN ('alert.firing', 'alert.resolved', 'alert.acknowledged') ORDER BY id",
        (),
        WaitingDelivery,
    )


def replace_payload(
    conn: AnyConnection, delivery_id: int, payload: Mapping[str, object], alert_ids: Sequence[int], is_withdrawn: bool = False
) -> None:
    """Replace the payload of a waiting delivery, or record that it is withdrawn. The caller commits."""
    state = "withdrawn" if is_withdrawn else "due"
    execute(
        conn,
        "UPDATE callwatch.deliveries SET payload = %s, alert_ids = %s::bigint[], state = %s WHERE id = %s AND state = 'due'",
        (Json(dict(payload)), list(alert_ids), state, delivery_id),
    )


def withdraw_deliveries(conn: AnyConnection, delivery_ids: Sequence[int]) -> list[WithdrawnDelivery]:
    """Withdraw the waiting ones among these, and return them without all-clears. The caller commits."""
    withdrawn = fetch_all(conn, _WITHDRAW, {"ids": list(delivery_ids)}, WithdrawnDelivery)
    execute(conn, _WITHDRAW_CLEARS, {"ids": list(delivery_ids)})
    return withdrawn


def give_up_before(conn: AnyConnection, before: datetime, now: datetime) -> list[ExpiredDelivery]:
    """Give up deliveries written before then."""
    return fetch_all(conn, _EXPIRE, {"before": before, "now": now}, ExpiredDelivery)


def forget_deliveries(conn: AnyConnection, before: datetime) -> int:
    """Delete deliveries that were sent or given up and written before then; returns how many. The caller commits."""
    return execute(conn, _FORGET, {"before": before, "looked_at": _LOOKED_AT})
