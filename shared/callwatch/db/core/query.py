"""Runs one statement: parameters always travel separately from the SQL, rows come back as dicts.

A caller that names the type of its rows, a TypedDict, gets rows of exactly its columns: a statement and its type can only be
changed together. Such a statement names its columns, since a migration may add one before the functions are updated.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, overload

from psycopg2 import extensions
from psycopg2.sql import Composable

from callwatch.db.core.connect import AnyConnection

Sql = str | Composable
# What psycopg2 adapts: a driver's own types, so there is no narrower one.
Parameters = Sequence[Any] | Mapping[str, Any]
Row = TypeVar("Row")


@overload
def fetch_all(conn: AnyConnection, sql: Sql, params: Parameters = ...) -> list[dict[str, Any]]: ...


@overload
def fetch_all(conn: AnyConnection, sql: Sql, params: Parameters, row: type[Row]) -> list[Row]: ...


def fetch_all(conn: AnyConnection, sql: Sql, params: Parameters = (), row: type[Any] = dict) -> list[Any]:
    """Every row of a query by column name. row: their type; without one they are plain dicts.

    Raises TypeError if the columns are not those of the type.
    """
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        names = _list_columns(cursor, row)
        return [dict(zip(names, found, strict=True)) for found in cursor.fetchall()]


@overload
def fetch_one(conn: AnyConnection, sql: Sql, params: Parameters = ...) -> dict[str, Any] | None: ...


@overload
def fetch_one(conn: AnyConnection, sql: Sql, params: Parameters, row: type[Row]) -> Row | None: ...


def fetch_one(conn: AnyConnection, sql: Sql, params: Parameters = (), row: type[Any] = dict) -> Any:
    """The first row of a query, as `fetch_all` returns it; None if there is none."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        names = _list_columns(cursor, row)
        found = cursor.fetchone()
        return None if found is None else dict(zip(names, found, strict=True))


def execute(conn: AnyConnection, sql: Sql, params: Parameters = ()) -> int:
    """Run a statement; returns the number of affected rows."""
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def _list_columns(cursor: extensions.cursor, row: type[Any]) -> list[str]:
    names = [column.name for column in cursor.description or ()]
    if row is not dict and row.__annotations__.keys() != set(names):
        raise TypeError(f"the columns of a statement are not those of {row.__name__}: {', '.join(names)}")
    return names
