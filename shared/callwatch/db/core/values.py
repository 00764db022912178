"""Runs one statement for many rows, which stand where it says VALUES %s; and writes values as PostgreSQL shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection

_PAGE_ROWS = 1_000


def execute_rows(conn: AnyConnection, statement: str, rows: Sequence[Any], template: str | None = None) -> None:
    """Run a statement for all rows; without a row, nothing is run. template: of one row, as in psycopg2. The caller commits."""
    if rows:
        with conn.cursor() as cursor:
            execute_values(cursor, statement, rows, template, page_size=_PAGE_ROWS)


def add_to_counters(conn: AnyConnection, statement: str, counts: Mapping[Any, Any]) -> None:
    """Run a statement that adds to counters: by key (a tuple), a number or the numbers of its columns. The caller commits.

    The rows are sorted by key, so that two writers at once lock the same rows in the same order.
    """
    rows = [(*key, *found) if isinstance(found, list | tuple) else (*key, found) for key, found in sorted(counts.items())]
    execute_rows(conn, statement, rows)


def format_uuid(hex_id: str) -> str:
    """Write a UUID of 32 hex digits as PostgreSQL shows it, in five groups."""
    return f"{hex_id[:8]}-{hex_id[8:12]}-{hex_id[12:16]}-{hex_id[16:20]}-{hex_id[20:]}"
