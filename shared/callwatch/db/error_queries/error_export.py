"""Streams occurrences through a server-side cursor: however many there are, only a few are in memory."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypedDict, cast

from psycopg2 import sql

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_one
from callwatch.db.error_queries.group_merges import list_stored_ids
from callwatch.models.error import Category
from callwatch.models.shapes.stored import OccurrenceFields

_ROWS_AT_ONCE = 500
# The statement holds only the given filters, so that the planner finds their index and partitions.
_FILTERS = {
    "group_id": "l.group_id = %(group_id)s",
    "stored_ids": "l.group_id = ANY (%(stored_ids)s)",
    "since": "l.occurred_at >= %(since)s AND l.day >= (%(since)s AT TIME ZONE 'UTC')::date - 1",
    "until": "l.occurred_at < %(until)s AND l.day <= (%(until)s AT TIME ZONE 'UTC')::date + 1",
    "project": "l.project_id = %(project)s",
    "environment": "l.environment = %(environment)s",
}
_FROM = """
    FROM callwatch.error_logs AS l LEFT JOIN callwatch.error_group_merges AS m ON m.merged_id = l.group_id
    LEFT JOIN callwatch.error_groups AS g ON g.id = coalesce(m.group_id, l.group_id) WHERE l.deleted_at IS NULL AND {where}
"""
_COLUMNS = """
    replace(l.event_id::text, '-', '') AS event_id, l.project_id, l.environment,
    coalesce(m.group_id, l.group_id)::text AS group_id, g.fingerprint,
    l.occurred_at, l.received_at, l.severity, l.category, l.type, l.message, l.endpoint, l.release, l.service, l.user_hash,
    l.payload::text AS payload, l.payload_start AS object_start, l.payload_bytes AS object_bytes,
    (SELECT name FROM callwatch.payload_objects AS holder WHERE holder.id = l.payload_object) AS object_name
"""
# Orders that an index provides: sorting millions of payloads would delay the first line.
_OF_GROUP = f"SELECT {_COLUMNS} {_FROM} ORDER BY l.group_id, l.occurred_at"
_OF_MERGED = f"SELECT {_COLUMNS} {_FROM} ORDER BY l.occurred_at, l.event_id"
_ROWS = f"SELECT {_COLUMNS} {_FROM} ORDER BY l.day, l.project_id, l.environment, l.event_id"
_COUNT = "SELECT count(*) AS n " + _FROM


class ExportFilters(TypedDict, total=False):
    """Which occurrences are exported; times are aware; None, or left out, means no filter."""

    group_id: int | None
    since: datetime | None
    until: datetime | None
    project: int | None
    environment: str | None


class ExportedRow(OccurrenceFields):
    """An occurrence as it is stored: scrubbed. payload: JSON text, or None if it was not kept or lies in an object.

    object_start, object_bytes: its place, if it lies in one. object_name: None if the object is forgotten.
    """

    project_id: int
    environment: str
    group_id: str | None
    fingerprint: str | None
    category: Category
    user_hash: str | None
    payload: str | None
    object_start: int | None
    object_bytes: int | None
    object_name: str | None


class _NumberRow(TypedDict):
    n: int


def count_occurrences(conn: AnyConnection, filters: ExportFilters) -> int:
    """How many occurrences `read_occurrences` would return."""
    given = _add_stored_ids(conn, filters)
    row = fetch_one(conn, _compose_statement(_COUNT, given), given, _NumberRow)
    return row["n"] if row else 0


def read_occurrences(conn: AnyConnection, filters: ExportFilters) -> Iterator[ExportedRow]:
    """Occurrences as stored: scrubbed, with the payload as JSON text or None if it was not kept.

    Those of one group are in the order of their time, others in the order of their days.
    """
    given = _add_stored_ids(conn, filters)
    with conn.cursor("callwatch_export") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        # Of several ids no index provides the order.
        template = _OF_GROUP if "group_id" in given else _OF_MERGED if "stored_ids" in given else _ROWS
        cursor.execute(_compose_statement(template, given), given)
        names: list[str] = []
        for row in cursor:
            names = names or [column.name for column in cursor.description or ()]
            yield cast("ExportedRow", dict(zip(names, row, strict=True)))


def _add_stored_ids(conn: AnyConnection, filters: ExportFilters) -> dict[str, object]:
    """The given filters; a group that took others has the ids under which its occurrences are stored."""
    given = {name: value for name, value in filters.items() if value is not None}
    group_id = filters.get("group_id")
    ids = list_stored_ids(conn, group_id) if group_id is not None else []
    if len(ids) > 1:
        del given["group_id"]
        given["stored_ids"] = ids
    return given


def _compose_statement(template: str, filters: Mapping[str, object]) -> sql.Composed:
    where = [sql.SQL(text) for name, text in _FILTERS.items() if filters.get(name) is not None]
    return sql.SQL(template).format(where=sql.SQL(" AND ").join(where) if where else sql.SQL("true"))
