"""Writes many rows at once: with COPY, and with a staging table if some of the rows exist already."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import psycopg2
from psycopg2 import sql
from psycopg2.errors import UniqueViolation

from callwatch.db.core.connect import AnyConnection

# Bytes that COPY reads at a time.
_CHUNK = 65_536
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def insert_new(
    conn: AnyConnection, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> set[tuple[str, ...]] | None:
    """Write rows into callwatch.<table>; rows whose key exists already are left out.

    rows: sorted by key, without repeated keys. Returns None if all were new (the usual case, one COPY), else the keys of the
    new rows, as text. The caller commits.
    """
    reader = _RowReader(rows)
    with conn.cursor() as cursor:
        cursor.execute("SAVEPOINT before_copy")
        try:
            cursor.copy_expert(_copy(table, columns), cast(Any, reader), _CHUNK)
        except UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT before_copy")
            return _insert_missing(conn, table, columns, key, reader.read_all())
        except psycopg2.Error:
            if reader.failure is not None:
                raise reader.failure from None
            raise
        cursor.execute("RELEASE SAVEPOINT before_copy")
        return None


def copy_rows(conn: AnyConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows into callwatch.<table> that conflict with no other row, in a third of the time of INSERT. The caller commits."""
    if rows:
        with conn.cursor() as cursor:
            cursor.copy_expert(_copy(table, columns), io.BytesIO(encode_rows(rows).encode()))


class _RowReader:
    """Rows as the file that COPY reads from: encoded on demand, so that the server works meanwhile."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._lines = map(_format_line, rows)
        self._read: list[bytes] = []
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """Whole lines of about `size` bytes; empty at the end. An exception from a row stays in `failure`."""
        begun, length = len(self._read), 0
        try:
            for line in self._lines:
                self._read.append(line.encode())
                length += len(self._read[-1])
                if 0 <= size <= length:
                    break
        except Exception as failure:
            # psycopg2 would report it as a cancelled query, which looks retryable.
            self.failure = failure
            raise
        return b"".join(self._read[begun:])

    def read_all(self) -> bytes:
        """All rows, including those that were already read."""
        self.read()
        return b"".join(self._read)


def encode_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Rows in COPY's text format."""
    return "".join(map(_format_short_line, rows))


def _format_short_line(row: Sequence[Any]) -> str:
    """The same as `_format_line`: a row of short fields is searched once as a whole, and again by field only if it has to be."""
    line = "\t".join([value if type(value) is str else "\\N" if value is None else str(value) for value in row])
    is_plain = line.count("\\") == row.count(None) and line.count("\t") == len(row) - 1 and "\n" not in line and "\r" not in line
    return line + "\n" if is_plain else _format_line(row)


def _format_line(row: Sequence[Any]) -> str:
    return "\t".join([_format_field(value) for value in row]) + "\n"


def _format_field(value: Any) -> str:
    if value is None:
        return "\\N"
    kind = type(value)
    if kind is int or kind is datetime:
        return str(value)
    text = value if kind is str else str(value)
    # Four searches of a text that holds none of them are ten times as fast as one str.translate, and twice as four replacements.
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        for character, escape in _ESCAPES:
            text = text.replace(character, escape)
    return text


def _copy(table: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("COPY callwatch.{} ({}) FROM STDIN").format(sql.Identifier(table), names)


def _insert_missing(
    conn: AnyConnection, table: str, columns: Sequence[str], key: Sequence[str], data: bytes
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
        cursor.copy_expert(copy, io.BytesIO(data))
        cursor.execute(
            sql.SQL(
                "INSERT INTO callwatch.{} ({}) SELECT {} FROM pg_temp.staging ORDER BY {} ON CONFLICT DO NOTHING RETURNING {}"
            ).format(target, names, names, order, keys)
        )
        return {tuple(row) for row in cursor.fetchall()}
