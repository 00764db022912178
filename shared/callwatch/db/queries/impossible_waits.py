"""Waits of the outbox that end later than any wait can: a clock that was ahead for a while set them, and is right again."""

from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute

# No backoff, no breaker and no receiver's Retry-After lasts longer than an hour; no claim longer than a minute.
MAX_WAIT = timedelta(hours=2)
_DELIVERIES = """
    UPDATE callwatch.deliveries SET due_at = least(due_at, %(now)s),
        claimed_until = CASE WHEN claimed_until < now() + interval '2 hours' THEN claimed_until END
    WHERE state = 'due' AND (due_at > %(latest)s OR claimed_until > now() + interval '2 hours')
"""
_BREAKERS = """
    UPDATE callwatch.channel_states SET open_until = %(now)s, opened_at = least(opened_at, %(now)s)
    WHERE open_until > %(latest)s
"""


def end_impossible_waits(conn: AnyConnection, now: datetime) -> int:
    """Make due now what would otherwise wait for a date of that clock; returns how many waits ended. The caller commits."""
    given = {"now": now, "latest": now + MAX_WAIT}
    return execute(conn, _DELIVERIES, given) + execute(conn, _BREAKERS, given)
