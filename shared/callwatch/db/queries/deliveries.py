"""The outbox: due notifications, claimed by one sender at a time and retried until they are delivered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.models.shapes.alerts import Delivery

_ADD = """
    INSERT INTO callwatch.deliveries
        (alert_id, alert_ids, incident_id, channel, kind, message_id, payload, due_at, state, attempts, sent_at, last_error)
    VALUES (%(alert_id)s, %(alert_ids)s::bigint[], %(incident_id)s, %(channel)s, %(kind)s, %(message_id)s, %(payload)s,
            %(due_at)s, %(state)s, %(attempts)s,
            coalesce(%(sent_at)s, CASE WHEN %(state)s = 'sent' THEN now() END), %(last_error)s)
    ON CONFLICT (message_id) DO NOTHING
"""
_DUE_CHANNELS = """
    SELECT DISTINCT channel FROM callwatch.deliveries
    WHERE state = 'due' AND due_at <= %(now)s AND (claimed_until IS NULL OR claimed_until < now())
"""
# The oldest open delivery of each alert, and of each incident, goes first in a channel: a resolve never overtakes its alert. A
# test goes before all: as a channel's trial it puts no real notification at risk. What is behind another is found in one pass, as
# each of thousands compared with all others takes minutes.
_CLAIM = """
    WITH waiting AS MATERIALIZED (
        SELECT id, alert_id, alert_ids, incident_id FROM callwatch.deliveries WHERE channel = %(channel)s AND state = 'due'
    ), behind AS (
        SELECT id FROM (
            SELECT id, min(id) OVER (PARTITION BY alert_id, incident_id) AS first_id FROM (
                SELECT id, alert_id, NULL::bigint AS incident_id FROM waiting WHERE alert_id IS NOT NULL
                UNION ALL SELECT id, unnest(alert_ids), NULL FROM waiting
                UNION ALL SELECT id, NULL, incident_id FROM waiting WHERE incident_id IS NOT NULL
            ) AS subjects
        ) AS placed WHERE id > first_id
    )
    UPDATE callwatch.deliveries AS mine
    SET claimed_until = now() + make_interval(secs => %(lease_s)s), claimed_by = %(holder)s, attempts = attempts + 1,
        trying_since = coalesce(trying_since, %(now)s)
    WHERE mine.id IN (
        SELECT id FROM callwatch.deliveries AS due
        WHERE channel = %(channel)s AND state = 'due' AND due_at <= %(now)s AND NOT id = ANY (%(held)s)
          AND (claimed_until IS NULL OR claimed_until < now()) AND id NOT IN (SELECT behind.id FROM behind)
        ORDER BY kind <> 'alert.test', id LIMIT %(limit)s FOR UPDATE OF due SKIP LOCKED)
    RETURNING id, alert_id, channel, kind, message_id, payload, attempts, trying_since
"""
_SENT = """
    UPDATE callwatch.deliveries SET state = 'sent', sent_at = now(), claimed_until = NULL, last_error = NULL
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
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
_LATER = """
    UPDATE callwatch.deliveries SET due_at = %(due_at)s, claimed_until = NULL, last_error = %(error)s
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
_FAILED = """
    UPDATE callwatch.deliveries SET state = 'failed', failed_at = %(now)s, claimed_until = NULL, last_error = %(error)s
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
# A claim that was never used is not an attempt, and starts no clock.
_RELEASE = """
    UPDATE callwatch.deliveries SET claimed_until = NULL, attempts = attempts - 1,
        trying_since = CASE WHEN attempts > 1 THEN trying_since END
    WHERE id = ANY (%(ids)s) AND claimed_by = %(holder)s AND state = 'due'
"""
# Time behind an open breaker does not count as trying time: the clocks continue from where they stood.
_SET_FREE = """
    UPDATE callwatch.deliveries SET due_at = least(due_at, %(now)s),
        trying_since = trying_since + (%(now)s - greatest(trying_since, %(opened_at)s))
    WHERE id IN (SELECT id FROM callwatch.deliveries
                 WHERE channel = %(channel)s AND state = 'due' AND (claimed_until IS NULL OR claimed_until < now())
                 ORDER BY id FOR UPDATE SKIP LOCKED)
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
# A test belongs to no alert; its deliveries come from one transaction, and so have one time.
_TESTS = """
    SELECT rule_id, channel, kind, state, attempts, last_error, created_at, sent_at, message_id FROM (
        SELECT *, rank() OVER (PARTITION BY rule_id ORDER BY created_at DESC) AS place FROM (
            SELECT *, coalesce(payload ->> 'rule_id', payload #>> '{data,rule_id}') AS rule_id
            FROM callwatch.deliveries WHERE alert_id IS NULL AND kind = 'alert.test'
        ) AS tests
    ) AS placed WHERE place = 1 ORDER BY id
"""


class NewDelivery(TypedDict):
    """A delivery for the outbox. state, attempts, sent_at (else now) and last_error: of one that was already sent.

    incident_id: the evaluation finds that of an alert's delivery by itself.
    """

    alert_id: int | None
    channel: str
    kind: str
    message_id: str
    payload: Mapping[str, Any]
    due_at: datetime
    alert_ids: NotRequired[Sequence[int]]
    incident_id: NotRequired[int]
    state: NotRequired[str]
    attempts: NotRequired[int]
    sent_at: NotRequired[datetime | None]
    last_error: NotRequired[str | None]


class ClaimedDelivery(TypedDict):
    """A delivery that belongs to one sender for a while. payload: as the evaluation wrote it."""

    id: int
    alert_id: int | None
    channel: str
    kind: str
    message_id: str
    payload: dict[str, Any]
    attempts: int
    trying_since: datetime


class WaitingDelivery(TypedDict):
    """A waiting delivery; is_claimed: it is being sent right now."""

    id: int
    alert_id: int | None
    alert_ids: list[int]
    channel: str
    payload: dict[str, Any]
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


class _ChannelRow(TypedDict):
    channel: str


class _Record(TypedDict):
    created_at: datetime


class _TestRow(Delivery):
    rule_id: str


def add_delivery(conn: AnyConnection, delivery: NewDelivery) -> None:
    """Put a notification into the outbox; an existing message_id is left unchanged. The caller commits."""
    already = {"state": "due", "attempts": 0, "sent_at": None, "last_error": None, "alert_ids": [], "incident_id": None}
    execute(conn, _ADD, {**already, **delivery, "payload": Json(delivery["payload"])})


def list_due_channels(conn: AnyConnection, now: datetime) -> list[str]:
    """Channels with waiting deliveries."""
    return sorted(row["channel"] for row in fetch_all(conn, _DUE_CHANNELS, {"now": now}, _ChannelRow))


def claim_due(
    conn: AnyConnection,
    channel: str,
    holder: str,
    now: datetime,
    lease_s: float,
    limit: int,
    held: Sequence[int] = (),
) -> list[ClaimedDelivery]:
    """Deliveries of a channel that now belong to this holder for `lease_s`, without any of `held`; the caller commits before it
    sends.
    """
    given = {"channel": channel, "holder": holder, "now": now, "lease_s": lease_s, "limit": limit, "held": list(held)}
    return sorted(fetch_all(conn, _CLAIM, given, ClaimedDelivery), key=lambda row: row["id"])


def due_payloads(conn: AnyConnection) -> list[WaitingDelivery]:
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
    conn: AnyConnection, delivery_id: int, payload: Mapping[str, Any], alert_ids: Sequence[int], is_withdrawn: bool = False
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


def mark_sent(conn: AnyConnection, delivery_id: int, holder: str) -> bool:
    """The delivery succeeded. False if another sender holds the claim by now."""
    return execute(conn, _SENT, {"id": delivery_id, "holder": holder}) == 1


def mark_later(conn: AnyConnection, delivery_id: int, holder: str, due_at: datetime, error: str) -> bool:
    """The delivery is retried at `due_at`. False as mark_sent."""
    return execute(conn, _LATER, {"id": delivery_id, "holder": holder, "due_at": due_at, "error": error}) == 1


def mark_failed(conn: AnyConnection, delivery_id: int, holder: str, now: datetime, error: str) -> bool:
    """No further try helps. False as mark_sent."""
    return execute(conn, _FAILED, {"id": delivery_id, "holder": holder, "now": now, "error": error}) == 1


def release(conn: AnyConnection, delivery_ids: Sequence[int], holder: str) -> None:
    """Release claims that were not used."""
    execute(conn, _RELEASE, {"ids": list(delivery_ids), "holder": holder})


def set_free(conn: AnyConnection, channel: str, now: datetime, opened_at: datetime) -> None:
    """Make deliveries that waited behind a breaker due now, without loss of their own trying time."""
    execute(conn, _SET_FREE, {"channel": channel, "now": now, "opened_at": opened_at})


def give_up_before(conn: AnyConnection, before: datetime, now: datetime) -> list[ExpiredDelivery]:
    """Give up deliveries written before then."""
    return fetch_all(conn, _EXPIRE, {"before": before, "now": now}, ExpiredDelivery)


def forget_deliveries(conn: AnyConnection, before: datetime) -> int:
    """Delete deliveries that were sent or given up and written before then; returns how many. The caller commits."""
    return execute(conn, _FORGET, {"before": before, "looked_at": _LOOKED_AT})


def list_deliveries(conn: AnyConnection, alert_id: int) -> list[Delivery]:
    """Deliveries of an alert, oldest first."""
    return fetch_all(
        conn,
        "SELECT channel, kind, state, attempts, last_error, created_at, sent_at, message_id"
        " FROM callwatch.deliveries WHERE alert_id = %s OR (alert_ids <> '{}' AND alert_ids @> ARRAY[%s::bigint]) ORDER BY id",
        (alert_id, alert_id),
        Delivery,
    )


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
