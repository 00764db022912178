"""Running one statement and reading its rows as dictionaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import RealDictCursor

from callwatch.db.pool import Connection

Parameters = Sequence[Any] | Mapping[str, Any]


def fetch_all(conn: Connection, sql: str, params: Parameters = ()) -> list[dict[str, Any]]:
    """All rows, each a dictionary by column name."""
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(sql, params or None)
        return [dict(row) for row in cursor.fetchall()]


def fetch_one(conn: Connection, sql: str, params: Parameters = ()) -> dict[str, Any] | None:
    """The first row as a dictionary, or None where there is none."""
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(sql, params or None)
        row = cursor.fetchone()
        return None if row is None else dict(row)


def execute(conn: Connection, sql: str, params: Parameters = ()) -> int:
    """Run a statement; returns how many rows it touched."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params or None)
        return int(cursor.rowcount)
