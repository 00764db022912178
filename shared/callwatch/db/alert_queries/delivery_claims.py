"""Due notifications, claimed by one sender at a time and retried until they are delivered."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

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


class ClaimedDelivery(TypedDict):
    """A delivery that belongs to one sender for a while. payload: as the evaluation wrote it."""

    id: int
    alert_id: int | None
    channel: str
    kind: str
    message_id: str
    payload: dict[str, object]
    attempts: int
    trying_since: datetime


class _ChannelRow(TypedDict):
    channel: str


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
