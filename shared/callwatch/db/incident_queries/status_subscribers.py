"""Subscribers of the public status page: who is notified by webhook, and how their deliveries do."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_LIST = """
    SELECT subscribers.id, url, components, created_at, created_by, switched_off_at,
        last_sent_at, last_failed_at, last_error, failing_since, open_until,
        (SELECT count(*) FROM callwatch.deliveries
         WHERE deliveries.channel = %(kind)s || ':' || subscribers.id AND state = 'due') AS waiting
    FROM callwatch.status_subscribers AS subscribers
    LEFT JOIN callwatch.channel_states ON channel_states.channel = %(kind)s || ':' || subscribers.id
    ORDER BY subscribers.id
"""
_ADD = """
    INSERT INTO callwatch.status_subscribers (url, components, salt, created_at, created_by)
    VALUES (%(url)s, %(components)s, %(salt)s, %(at)s, %(actor)s)
    ON CONFLICT (url) DO NOTHING RETURNING id
"""
# A removal waits until the publication is committed, and then withdraws what that queued.
_CONCERNED = """
    SELECT id FROM callwatch.status_subscribers
    WHERE switched_off_at IS NULL AND (components = '{}' OR components && %s::text[]) ORDER BY id FOR SHARE
"""
_TARGET = "SELECT url, salt FROM callwatch.status_subscribers WHERE id = %s AND switched_off_at IS NULL"
_SWITCH_OFF = """
    UPDATE callwatch.status_subscribers SET switched_off_at = %(now)s
    WHERE id = %(id)s AND switched_off_at IS NULL
      AND EXISTS (SELECT FROM callwatch.channel_states WHERE channel = %(channel)s AND failing_since <= %(before)s)
"""
# What is being sent right now is left to its sender.
_WITHDRAW = """
    UPDATE callwatch.deliveries SET state = 'withdrawn', claimed_until = NULL
    WHERE channel = %s AND state = 'due' AND (claimed_until IS NULL OR claimed_until < now())
"""


class NewSubscriberRow(TypedDict):
    """A subscriber to add. components: ids of the page's components; none: all."""

    url: str
    components: Sequence[str]
    salt: str
    at: datetime
    actor: str


class SubscriberRow(TypedDict):
    """A subscriber, and the state of its channel; waiting: how many deliveries are due."""

    id: int
    url: str
    components: list[str]
    created_at: datetime
    created_by: str
    switched_off_at: datetime | None
    last_sent_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    failing_since: datetime | None
    open_until: datetime | None
    waiting: int


class SubscriberTarget(TypedDict):
    """Where a subscriber is reached, and what its secret is derived from."""

    url: str
    salt: str


class _Id(TypedDict):
    id: int


class _Count(TypedDict):
    found: int


def list_subscribers(conn: AnyConnection, kind: str) -> list[SubscriberRow]:
    """All subscribers, the oldest first. kind: of their channels."""
    return fetch_all(conn, _LIST, {"kind": kind}, SubscriberRow)


def count_subscribers(conn: AnyConnection) -> int:
    """How many subscribers there are; nobody adds one before the transaction ends."""
    execute(conn, "LOCK TABLE callwatch.status_subscribers IN SHARE ROW EXCLUSIVE MODE")
    found = fetch_one(conn, "SELECT count(*) AS found FROM callwatch.status_subscribers", (), _Count)
    return found["found"] if found else 0


def add_subscriber(conn: AnyConnection, given: NewSubscriberRow) -> int | None:
    """Add a subscriber and return its id; None if the URL has one. The caller commits."""
    added = fetch_one(conn, _ADD, {**given, "components": list(given["components"])}, _Id)
    return added["id"] if added else None


def delete_subscriber(conn: AnyConnection, subscriber_id: int, channel: str) -> bool:
    """Delete a subscriber and withdraw what waits for it; False if there is none. The caller commits."""
    if execute(conn, "DELETE FROM callwatch.status_subscribers WHERE id = %s", (subscriber_id,)) == 0:
        return False
    execute(conn, _WITHDRAW, (channel,))
    execute(conn, "DELETE FROM callwatch.channel_states WHERE channel = %s", (channel,))
    return True


def list_concerned(conn: AnyConnection, components: Sequence[str]) -> list[int]:
    """The ids of subscribers that asked for one of these components; they stay until the transaction ends."""
    return [row["id"] for row in fetch_all(conn, _CONCERNED, (list(components),), _Id)]


def find_target(conn: AnyConnection, subscriber_id: int) -> SubscriberTarget | None:
    """Where a subscriber is reached; None if it was removed or switched off."""
    return fetch_one(conn, _TARGET, (subscriber_id,), SubscriberTarget)


def switch_off(conn: AnyConnection, subscriber_id: int, channel: str, before: datetime, now: datetime) -> bool:
    """Switch a subscriber off, and withdraw what waits for it, if it has failed without a success since before then.

    Returns whether it did. The caller commits.
    """
    given = {"id": subscriber_id, "channel": channel, "before": before, "now": now}
    if execute(conn, _SWITCH_OFF, given) == 0:
        return False
    execute(conn, _WITHDRAW, (channel,))
    return True
