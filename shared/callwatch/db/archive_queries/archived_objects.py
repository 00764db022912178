"""Objects of days whose rows have left PostgreSQL: their filters say which of them may hold an event or a user."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, TypedDict

from psycopg2.errors import QueryCanceled

from callwatch.db.archive_queries.archived_days import STORED_DAYS
from callwatch.db.archive_queries.payload_objects import ObjectRow
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_LOOKED_AT = 20_000
_LOOK_MS = 4_000
_MAY_HOLD = f"""
    holder.day NOT IN ({STORED_DAYS})
    AND (holder.members IS NULL OR (
        SELECT bool_and(get_bit(holder.members, (position %% (8 * octet_length(holder.members)))::integer) = 1)
        FROM unnest(%(positions)s::bigint[]) AS position
    ))
"""
_NEXT = f"""
    WITH part AS (
        SELECT id, day, name, members FROM callwatch.payload_objects
        WHERE id > %(after)s AND is_stored ORDER BY id LIMIT %(most)s
    )
    SELECT id, name, ({_MAY_HOLD}) AS may_hold FROM part AS holder ORDER BY id
"""
_OF_DAY = f"""
    SELECT id, name FROM callwatch.payload_objects AS holder WHERE day = %(day)s AND is_stored AND {_MAY_HOLD} ORDER BY id
"""
_HAS_ONE = f"""
    SELECT EXISTS (
        SELECT FROM callwatch.payload_objects AS holder WHERE is_stored AND created_at > %(since)s AND {_MAY_HOLD}
    ) AS has_one
"""


class Part(NamedTuple):
    """Objects that may hold what was asked for. last: the object up to which this is known; None: the last one there is."""

    objects: list[ObjectRow]
    last: int | None


class _LookRow(TypedDict):
    id: int
    name: str
    may_hold: bool


class _HasRow(TypedDict):
    has_one: bool


def list_next(conn: AnyConnection, positions: Sequence[int], after: int, limit: int) -> Part:
    """At most `limit` objects behind one, in the order of their ids. positions: those of the key in the filters."""
    given = {"positions": list(positions), "after": after, "most": _LOOKED_AT}
    looked_at = fetch_all(conn, _NEXT, given, _LookRow)
    found: list[ObjectRow] = [{"id": row["id"], "name": row["name"]} for row in looked_at if row["may_hold"]]
    if len(found) > limit:
        return Part(found[:limit], found[limit - 1]["id"])
    return Part(found, looked_at[-1]["id"] if len(looked_at) == _LOOKED_AT else None)


def list_of_day(conn: AnyConnection, positions: Sequence[int], day: date) -> list[ObjectRow]:
    """The objects of a day that may hold what was asked for; none if the rows of the day are stored."""
    return fetch_all(conn, _OF_DAY, {"positions": list(positions), "day": day}, ObjectRow)


def has_one(conn: AnyConnection, positions: Sequence[int], since: datetime) -> bool:
    """Whether an object that was made later may hold what was asked for; also True if that takes too long to find out."""
    execute(conn, "SAVEPOINT looking")
    try:
        execute(conn, "SELECT set_config('statement_timeout', %s, true)", (str(_LOOK_MS),))
        row = fetch_one(conn, _HAS_ONE, {"positions": list(positions), "since": since}, _HasRow)
        result = row is not None and row["has_one"]
    except QueryCanceled:
        result = True
    # This also restores the timeout.
    execute(conn, "ROLLBACK TO SAVEPOINT looking")
    return result
