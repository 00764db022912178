"""The history of replays: who asked the product to work on which items again, why, and what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.models.shapes.product.items import ReplayState

_ADD = """
    INSERT INTO callwatch.replays (at, stage, ids, actor, reason, message_id)
    VALUES (%(at)s, %(stage)s, %(ids)s, %(actor)s, %(reason)s, %(message_id)s)
"""
_LIST = """
    SELECT replays.message_id, replays.at, replays.stage, cardinality(replays.ids) AS count, replays.actor, replays.reason,
           deliveries.state, deliveries.last_error
    FROM callwatch.replays LEFT JOIN callwatch.deliveries USING (message_id)
    WHERE {} ORDER BY replays.at DESC, replays.id DESC LIMIT %(limit)s
"""


class NewReplay(TypedDict):
    """A replay to record."""

    at: datetime
    stage: str
    ids: Sequence[str]
    actor: str
    reason: str
    message_id: str


class ReplayRow(TypedDict):
    """A replay. count: of its items. state, last_error: of its delivery; None if that is forgotten."""

    message_id: str
    at: datetime
    stage: str
    count: int
    actor: str
    reason: str
    state: ReplayState | None
    last_error: str | None


def add_replay(conn: AnyConnection, replay: NewReplay) -> None:
    """Record a replay. The caller commits."""
    execute(conn, _ADD, {**replay, "ids": list(replay["ids"])})


def list_replays_of_stage(conn: AnyConnection, stage: str, limit: int) -> list[ReplayRow]:
    """The latest replays of a stage."""
    return fetch_all(conn, _LIST.format("replays.stage = %(stage)s"), {"stage": stage, "limit": limit}, ReplayRow)


def list_replays_of_item(conn: AnyConnection, item: str, limit: int) -> list[ReplayRow]:
    """The latest replays of an item."""
    return fetch_all(conn, _LIST.format("replays.ids @> ARRAY[%(item)s]"), {"item": item, "limit": limit}, ReplayRow)


def delete_replays_before(conn: AnyConnection, before: datetime) -> int:
    """Delete old replays, and return how many; the caller commits."""
    return execute(conn, "DELETE FROM callwatch.replays WHERE at < %s", (before,))
