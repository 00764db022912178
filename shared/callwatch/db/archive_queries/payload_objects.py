"""The objects that hold payloads: announced, marked as stored with their occurrences, and deleted."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import NamedTuple, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

_ADD = """
    INSERT INTO callwatch.payload_objects (day, project_id, name, members)
    SELECT * FROM unnest(%(days)s::date[], %(project_ids)s::integer[], %(names)s::text[], %(members)s::bytea[]) RETURNING id, name
"""
_MARK = "UPDATE callwatch.payload_objects SET is_stored = true WHERE id = ANY (%s) AND NOT is_stored"
_UNSTORED = """
    SELECT id, name FROM callwatch.payload_objects WHERE NOT is_stored AND created_at < now() - %s
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_LOCK = "SELECT id, name FROM callwatch.payload_objects WHERE id = ANY (%s) ORDER BY id FOR UPDATE"
_DELETE = "DELETE FROM callwatch.payload_objects WHERE id = ANY (%s)"
_DELETE_BEFORE = """
    DELETE FROM callwatch.payload_objects WHERE id = ANY (ARRAY(
        SELECT id FROM callwatch.payload_objects WHERE day < %s AND is_stored ORDER BY day LIMIT %s
    ))
"""
_STORED = """
    SELECT stored.day, stored.project_id, stored.environment, replace(stored.event_id::text, '-', '') AS event_id
    FROM unnest(%(days)s::date[], %(project_ids)s::integer[], %(environments)s::text[], %(event_ids)s::uuid[])
        AS wanted (day, project_id, environment, event_id)
    JOIN callwatch.error_logs AS stored USING (day, project_id, environment, event_id)
"""
DELETED_AT_ONCE = 5_000

Key = tuple[date, int, str, str]


class Place(NamedTuple):
    """Where a payload lies: the id of its object, the first byte and their number."""

    object_id: int
    start: int
    size: int


class ObjectRow(TypedDict):
    """An object and its name in the store of files."""

    id: int
    name: str


class _KeyRow(TypedDict):
    day: date
    project_id: int
    environment: str
    event_id: str


def find_stored(conn: AnyConnection, keys: Collection[Key]) -> set[Key]:
    """Which of these occurrences are stored already, erased ones included."""
    days, project_ids, environments, event_ids = zip(*keys, strict=True) if keys else ((), (), (), ())
    given: dict[str, object] = {
        "days": list(days),
        "project_ids": list(project_ids),
        "environments": list(environments),
        "event_ids": list(event_ids),
    }
    rows = fetch_all(conn, _STORED, given, _KeyRow)
    return {(row["day"], row["project_id"], row["environment"], row["event_id"]) for row in rows}


def add_objects(conn: AnyConnection, objects: Sequence[tuple[date, int, str, bytes]]) -> list[int]:
    """Announce objects, given as day, project, name and filter; returns their ids in this order. The caller commits."""
    days, project_ids, names, members = zip(*objects, strict=True)
    given = {"days": list(days), "project_ids": list(project_ids), "names": list(names), "members": list(members)}
    ids = {row["name"]: row["id"] for row in fetch_all(conn, _ADD, given, ObjectRow)}
    return [ids[name] for name in names]


def mark_stored(conn: AnyConnection, ids: Collection[int]) -> bool:
    """Mark announced objects as stored; False if one is not announced, or not anymore. The caller commits."""
    return execute(conn, _MARK, (sorted(ids),)) == len(ids)


def lock_unstored(conn: AnyConnection, age: timedelta, limit: int) -> list[ObjectRow]:
    """Lock some of the objects that were announced longer ago than this, and are not stored."""
    return fetch_all(conn, _UNSTORED, (age, limit), ObjectRow)


def lock_objects(conn: AnyConnection, ids: Collection[int]) -> list[ObjectRow]:
    """Lock objects, one after the other in the order of their ids."""
    return fetch_all(conn, _LOCK, (sorted(ids),), ObjectRow)


def delete_objects(conn: AnyConnection, ids: Collection[int]) -> None:
    """Forget objects. The caller commits."""
    execute(conn, _DELETE, (sorted(ids),))


def delete_objects_before(conn: AnyConnection, day: date) -> int:
    """Forget some of the stored objects of days that no store keeps. The caller commits."""
    return execute(conn, _DELETE_BEFORE, (day, DELETED_AT_ONCE))
