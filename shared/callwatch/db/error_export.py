"""Occurrences as a stream, read by a cursor of the server: however many there are, few are in memory."""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg2 import sql

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_one

_ROWS_AT_ONCE = 500
# Only the filters that are asked for stand in the statement, so that the planner finds their index and partitions.
_FILTERS = {
    "group_id": "l.group_id = %(group_id)s",
    "since": "l.occurred_at >= %(since)s AND l.day >= (%(since)s AT TIME ZONE 'UTC')::date - 1",
    "until": "l.occurred_at < %(until)s AND l.day <= (%(until)s AT TIME ZONE 'UTC')::date + 1",
    "project": "l.project_id = %(project)s",
    "environment": "l.environment = %(environment)s",
}
_FROM = "FROM callwatch.error_logs AS l LEFT JOIN callwatch.error_groups AS g ON g.id = l.group_id WHERE {where}"
_COLUMNS = """
    replace(l.event_id::text, '-', '') AS event_id, l.project_id, l.environment, l.group_id::text AS group_id, g.fingerprint,
    l.occurred_at, l.received_at, l.severity, l.category, l.type, l.message, l.endpoint, l.release, l.service, l.user_hash,
    l.payload::text AS payload
"""
# Orders that an index gives: sorting millions of payloads first would keep whoever waits for the first line waiting.
_OF_GROUP = f"SELECT {_COLUMNS} {_FROM} ORDER BY l.group_id, l.occurred_at"
_ROWS = f"SELECT {_COLUMNS} {_FROM} ORDER BY l.day, l.project_id, l.environment, l.event_id"
_COUNT = "SELECT count(*) AS n " + _FROM


def count_occurrences(conn: AnyConnection, filters: Mapping[str, Any]) -> int:
    """How many occurrences `occurrences` would give."""
    row = fetch_one(conn, _statement(_COUNT, filters), filters)
    return int(row["n"]) if row else 0


def occurrences(conn: AnyConnection, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Occurrences as stored: scrubbed, payload as JSON text or None where it was not kept.

    Those of a group in the order of their time, else in the order of their days.

    filters: group_id, since, until (aware), project, environment; those that are None do not count.
    """
    with conn.cursor("callwatch_export") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        template = _ROWS if filters.get("group_id") is None else _OF_GROUP
        cursor.execute(_statement(template, filters), filters)
        names: list[str] = []
        for row in cursor:
            names = names or [column.name for column in cursor.description or ()]
            yield dict(zip(names, row, strict=True))


def _statement(template: str, filters: Mapping[str, Any]) -> sql.Composed:
    where = [sql.SQL(text) for name, text in _FILTERS.items() if filters.get(name) is not None]
    return sql.SQL(template).format(where=sql.SQL(" AND ").join(where) if where else sql.SQL("true"))
