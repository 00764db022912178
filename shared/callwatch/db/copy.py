"""Writing many rows at once: COPY, and where some are there already, a staging table in between."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.errors import UniqueViolation

from callwatch.db.connect import AnyConnection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert_new(
    conn: AnyConnection, table: str, columns: Sequence[str], key: Sequence[str], rows: Sequence[Sequence[Any]]
) -> set[tuple[str, ...]] | None:
    """Write rows into callwatch.<table>; those whose key is there already are left out.

    rows: sorted by key, no key twice. Returns None where all were new (the usual case, one COPY), else the
    keys that were, as text. The caller commits.
    """
    data = encode_rows(rows)
    with conn.cursor() as cursor:
        cursor.execute("SAVEPOINT before_copy")
        try:
            cursor.copy_expert(_copy(table, columns), io.StringIO(data))
        except UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT before_copy")
            return _insert_missing(conn, table, columns, key, data)
        cursor.execute("RELEASE SAVEPOINT before_copy")
        return None


def encode_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Rows in COPY's text format."""
    return "".join("\t".join([_field(value) for value in row]) + "\n" for row in rows)


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    return str(value).translate(_ESCAPES)


def _copy(table: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("COPY callwatch.{} ({}) FROM STDIN").format(sql.Identifier(table), names)


def _insert_missing(
    conn: AnyConnection, table: str, columns: Sequence[str], key: Sequence[str], data: str
) -> set[tuple[str, ...]]:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    keys = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in key)
    order = sql.SQL(", ").join(sql.Identifier(column) for column in key)
    target = sql.Identifier(table)
    with conn.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.staging")
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE staging ON COMMIT DROP AS SELECT {} FROM callwatch.{} WITH NO DATA").format(names, target)
        )
        copy = sql.SQL("COPY pg_temp.staging ({}) FROM STDIN").format(names)
        cursor.copy_expert(copy, io.StringIO(data))
        cursor.execute(
            sql.SQL(
                "INSERT INTO callwatch.{} ({}) SELECT {} FROM pg_temp.staging ORDER BY {} ON CONFLICT DO NOTHING RETURNING {}"
            ).format(target, names, names, order, keys)
        )
        return {tuple(row) for row in cursor.fetchall()}
