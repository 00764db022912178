"""The outbox: notifications due, claimed by one sender at a time, tried again until they are through."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

_ADD = """
    INSERT INTO callwatch.deliveries
        (alert_id, channel, kind, message_id, payload, due_at, state, attempts, sent_at, last_error)
    VALUES (%(alert_id)s, %(channel)s, %(kind)s, %(message_id)s, %(payload)s, %(due_at)s, %(state)s, %(attempts)s,
            coalesce(%(sent_at)s, CASE WHEN %(state)s = 'sent' THEN now() END), %(last_error)s)
    ON CONFLICT (message_id) DO NOTHING
"""
_DUE_CHANNELS = """
    SELECT DISTINCT channel FROM callwatch.deliveries
    WHERE state = 'due' AND due_at <= %(now)s AND (claimed_until IS NULL OR claimed_until < now())
"""
# The oldest open delivery of each alert and channel goes first: a resolve never overtakes what it resolves. A test goes
# before all: where it is the trial of a channel, no news is lost to that.
_CLAIM = """
    UPDATE callwatch.deliveries AS mine
    SET claimed_until = now() + make_interval(secs => %(lease_s)s), claimed_by = %(holder)s, attempts = attempts + 1,
        trying_since = coalesce(trying_since, %(now)s)
    WHERE mine.id IN (
        SELECT id FROM callwatch.deliveries AS due
        WHERE channel = %(channel)s AND state = 'due' AND due_at <= %(now)s
          AND (claimed_until IS NULL OR claimed_until < now())
          AND NOT EXISTS (SELECT 1 FROM callwatch.deliveries earlier
                          WHERE earlier.alert_id = due.alert_id AND earlier.channel = due.channel
                            AND earlier.state = 'due' AND earlier.id < due.id)
        ORDER BY kind <> 'alert.test', id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id, alert_id, channel, kind, message_id, payload, attempts, trying_since
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
    UPDATE callwatch.deliveries SET state = 'failed', failed_at = %(now)s, claimed_until = NULL, last_error = %(error)s
    WHERE id = %(id)s AND claimed_by = %(holder)s AND state = 'due'
"""
# A claim that was never used is no attempt, and starts no clock.
_RELEASE = """
    UPDATE callwatch.deliveries SET claimed_until = NULL, attempts = attempts - 1,
        trying_since = CASE WHEN attempts > 1 THEN trying_since END
    WHERE id = ANY (%(ids)s) AND claimed_by = %(holder)s AND state = 'due'
"""
# The time behind an open breaker is no time of trying: the clocks go on from where they stood.
_SET_FREE = """
    UPDATE callwatch.deliveries SET due_at = least(due_at, %(now)s),
        trying_since = trying_since + (%(now)s - greatest(trying_since, %(opened_at)s))
    WHERE id IN (SELECT id FROM callwatch.deliveries
                 WHERE channel = %(channel)s AND state = 'due' AND (claimed_until IS NULL OR claimed_until < now())
                 ORDER BY id FOR UPDATE SKIP LOCKED)
"""
_EXPIRE = """
    UPDATE callwatch.deliveries SET state = 'failed', failed_at = %(now)s, claimed_until = NULL,
        last_error = coalesce(last_error || '; ', '') || 'too old to be told'
    WHERE state = 'due' AND created_at < %(before)s AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING id, alert_id, channel, kind, last_error
"""
# So many rows are looked at in a cycle, the oldest first: ids follow time. Who is to be told the end of an alert that
# still fires is known from what was told of it: of that the latest word to each channel stays.
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
# A test is about no alert; its deliveries are of one transaction, and so of one time.
_TESTS = """
    SELECT rule_id, channel, kind, state, attempts, last_error, created_at, sent_at, message_id FROM (
        SELECT *, rank() OVER (PARTITION BY payload #>> '{data,rule_id}' ORDER BY created_at DESC) AS place,
               payload #>> '{data,rule_id}' AS rule_id
        FROM callwatch.deliveries WHERE alert_id IS NULL AND kind = 'alert.test'
    ) AS placed WHERE place = 1 ORDER BY id
"""


def add_delivery(conn: AnyConnection, delivery: Mapping[str, Any]) -> None:
    """Put a notification into the outbox: alert_id, channel, kind, message_id, payload, due_at. The caller commits.

    state, attempts, sent_at (else now) and last_error may be given of one that was sent already. A message_id that is there
    already is left as it is.
    """
    already = {"state": "due", "attempts": 0, "sent_at": None, "last_error": None}
    execute(conn, _ADD, {**already, **delivery, "payload": Json(delivery["payload"])})


def due_channels(conn: AnyConnection, now: datetime) -> list[str]:
    """Channels that something waits for."""
    return sorted(row["channel"] for row in fetch_all(conn, _DUE_CHANNELS, {"now": now}))


def claim_due(conn: AnyConnection, channel: str, holder: str, now: datetime, lease_s: float, limit: int) -> list[dict[str, Any]]:
    """Deliveries of a channel that are now this holder's for `lease_s`; the caller commits before it sends."""
    given = {"channel": channel, "holder": holder, "now": now, "lease_s": lease_s, "limit": limit}
    return sorted(fetch_all(conn, _CLAIM, given), key=lambda row: int(row["id"]))


def mark_sent(conn: AnyConnection, delivery_id: int, holder: str) -> bool:
    """It is through. False where the claim is in other hands by now."""
    return execute(conn, _SENT, {"id": delivery_id, "holder": holder}) == 1


def mark_later(conn: AnyConnection, delivery_id: int, holder: str, due_at: datetime, error: str) -> bool:
    """It is tried again at `due_at`. False as mark_sent."""
    return execute(conn, _LATER, {"id": delivery_id, "holder": holder, "due_at": due_at, "error": error}) == 1


def mark_failed(conn: AnyConnection, delivery_id: int, holder: str, now: datetime, error: str) -> bool:
    """No further try helps. False as mark_sent."""
    return execute(conn, _FAILED, {"id": delivery_id, "holder": holder, "now": now, "error": error}) == 1


def release(conn: AnyConnection, delivery_ids: Sequence[int], holder: str) -> None:
    """Give back claims that were not used."""
    execute(conn, _RELEASE, {"ids": list(delivery_ids), "holder": holder})


def set_free(conn: AnyConnection, channel: str, now: datetime, opened_at: datetime) -> None:
    """What waited behind a breaker is due now, and has lost no time of its own."""
    execute(conn, _SET_FREE, {"channel": channel, "now": now, "opened_at": opened_at})


def give_up_before(conn: AnyConnection, before: datetime, now: datetime) -> list[dict[str, Any]]:
    """Give up what was written before then: id, alert_id, channel, kind, last_error of each."""
    return fetch_all(conn, _EXPIRE, {"before": before, "now": now})


def forget_deliveries(conn: AnyConnection, before: datetime) -> int:
    """Drop what was sent, or given up, and was written before then; returns how many. The caller commits."""
    return execute(conn, _FORGET, {"before": before, "looked_at": _LOOKED_AT})


def deliveries_of(conn: AnyConnection, alert_id: int) -> list[dict[str, Any]]:
    """Deliveries of an alert, oldest first: channel, kind, state, attempts, last_error, created_at, sent_at, message_id."""
    return fetch_all(
        conn,
        "SELECT channel, kind, state, attempts, last_error, created_at, sent_at, message_id"
        " FROM callwatch.deliveries WHERE alert_id = %s ORDER BY id",
        (alert_id,),
    )


def deliveries_of_tests(conn: AnyConnection) -> dict[str, list[dict[str, Any]]]:
    """Deliveries of each rule's latest test, as deliveries_of shows them, by the rule's id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in fetch_all(conn, _TESTS):
        found.setdefault(row.pop("rule_id"), []).append(row)
    return found


def told_channels(conn: AnyConnection, alert_id: int) -> list[str]:
    """The channels that an alert's firing is, or will be, told to."""
    rows = fetch_all(
        conn,
        "SELECT DISTINCT channel FROM callwatch.deliveries WHERE alert_id = %s AND kind = 'alert.firing' ORDER BY channel",
        (alert_id,),
    )
    return [row["channel"] for row in rows]
