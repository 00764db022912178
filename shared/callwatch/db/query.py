"""Running one statement: parameters always travel apart from the SQL, rows come back as dicts."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.sql import Composable

from callwatch.db.connect import AnyConnection

Sql = str | Composable
Parameters = Sequence[Any] | Mapping[str, Any]


def fetch_all(conn: AnyConnection, sql: Sql, params: Parameters = ()) -> list[dict[str, Any]]:
    """Every row of a query, as dicts by column name."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fetch_one(conn: AnyConnection, sql: Sql, params: Parameters = ()) -> dict[str, Any] | None:
    """The first row of a query as a dict; None where there is none."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
        return None if row is None else dict(zip(names, row, strict=True))


def execute(conn: AnyConnection, sql: Sql, params: Parameters = ()) -> int:
    """Run a statement; returns how many rows it touched."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount
