"""`make query`: answers SQL over archived errors, by DuckDB.

The table `errors` and the functions that Athena has by other names are those of docs/history.md, so a statement runs on both.
"""

import argparse
import contextlib
import csv
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import duckdb

from callwatch.db.core.connect import open_connection
from callwatch.exceptions import CallwatchError, DatabaseUnavailable
from tools.export import ExportError, find_database_url, find_payloads_url, note_archived, write

_EXAMPLES = """
examples:
  make query ARGS='"SELECT type, count(*) AS n FROM errors GROUP BY 1 ORDER BY n DESC"'
  make query ARGS='--from january.jsonl --format csv --file question.sql' > answer.csv

docs/history.md lists the columns, and statements that run here and on Athena.
"""
COLUMNS = {
    "event_id": "VARCHAR",
    "project_id": "INTEGER",
    "environment": "VARCHAR",
    "fingerprint": "VARCHAR",
    "occurred_at": "VARCHAR",
    "received_at": "VARCHAR",
    "severity": "VARCHAR",
    "category": "VARCHAR",
    "type": "VARCHAR",
    "message": "VARCHAR",
    "endpoint": "VARCHAR",
    "release": "VARCHAR",
    "service": "VARCHAR",
    "user_hash": "VARCHAR",
    "event": "VARCHAR",
}
# Athena's names for what DuckDB calls otherwise.
_MACROS = (
    "CREATE MACRO json_extract_scalar(value, path) AS json_extract_string(value, path)",
    "CREATE MACRO from_iso8601_timestamp(value) AS CAST(value AS TIMESTAMP)",
    "CREATE MACRO approx_distinct(value) AS approx_count_distinct(value)",
)
# An event has at most 1 MiB; the rest of its line is small.
_MAX_LINE_BYTES = 8 * 1024 * 1024
_MEMORY = "1GB"
_ROWS_AT_ONCE = 1_000
_MAX_WIDTH = 60


class QueryError(CallwatchError):
    """The question cannot be answered; the text is one line with the remedy."""


def main() -> int:
    """Answer one statement on standard output."""
    args = _parse_arguments()
    try:
        statement = args.file.read_text() if args.file else args.sql or sys.stdin.read()
        with _source(args.source, args.database_url) as source, open_table(source) as table:
            names, rows = answer(table, statement)
            _PRINTERS[args.format](names, rows, sys.stdout)
    except DatabaseUnavailable as error:
        print(f"query: the database does not answer ({error})", file=sys.stderr)
        return 1
    except (QueryError, ExportError, OSError) as error:
        print(f"query: {error}", file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def open_table(source: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield DuckDB with the table `errors`: lines of a file, or of all files of an archive's folder, which are only read.

    Raises QueryError if there is no such file or folder.
    """
    if not source.exists():
        raise QueryError(f"{source} does not exist: name a file that `make export` wrote, or an archive's folder")
    with contextlib.closing(duckdb.connect(":memory:")) as table:
        table.execute(f"SET memory_limit = '{_MEMORY}'")
        for macro in _MACROS:
            table.execute(macro)
        table.execute(f"CREATE VIEW errors AS {_select(source)}")
        # From here on a statement reaches no other file, nor the network, and cannot change that.
        allowed = "allowed_paths" if source.is_file() else "allowed_directories"
        table.execute(f"SET {allowed} = [{_quote(str(source.resolve()))}]")
        table.execute("SET enable_external_access = false")
        table.execute("SET lock_configuration = true")
        yield table


def answer(table: duckdb.DuckDBPyConnection, statement: str) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Names and rows of one statement that reads. Raises QueryError."""
    try:
        parsed = table.extract_statements(statement)
        if len(parsed) != 1 or parsed[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
            raise QueryError("SQL must be one statement that reads: SELECT, WITH or EXPLAIN")
        found = table.execute(parsed[0])
        names = [str(column[0]) for column in found.description or ()]
        return names, _stream(found)
    except duckdb.Error as error:
        raise QueryError(_extract_first_line(error)) from None


def _stream(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    try:
        while rows := found.fetchmany(_ROWS_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        raise QueryError(_extract_first_line(error)) from None


def _select(source: Path) -> str:
    """The statement behind the view: an archive's folder has a folder a day, a file has the day in each line."""
    lines = source.resolve()
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    is_archive = source.is_dir()
    if is_archive and not any(lines.glob("day=*/*.jsonl.zst")):
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in COLUMNS.items())
        return f"SELECT {empty}, CAST(NULL AS VARCHAR) AS day WHERE false"
    pattern = str(lines / "day=*" / "*.jsonl.zst") if is_archive else str(lines)
    partitions = ", hive_partitioning = true, hive_types = {'day': VARCHAR}" if is_archive else ""
    day = "day" if is_archive else "substr(occurred_at, 1, 10) AS day"
    # A line without an id is what the erasure of an occurrence leaves.
    return (
        f"SELECT {', '.join(COLUMNS)}, {day} FROM read_json({_quote(pattern)}, format = 'newline_delimited',"
        f" columns = {{{columns}}}, maximum_object_size = {_MAX_LINE_BYTES}{partitions}) WHERE event_id IS NOT NULL"
    )


@contextlib.contextmanager
def _source(given: Path | None, database_url: str | None) -> Iterator[Path]:
    """The given file or folder; without one, what the database holds as a temporary file."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_connection(_find_url(database_url))) as conn:
        path = Path(folder) / "errors.jsonl"
        note_archived(conn, sys.stderr)
        with path.open("w", encoding="utf-8") as file:
            write(conn, {}, file, find_payloads_url(os.environ))
        yield path


def _find_url(given: str | None) -> str:
    return find_database_url(given, os.environ)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _extract_first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _print_table(names: list[str], rows: Iterator[tuple[object, ...]], output: IO[str]) -> None:
    shown = [[_shorten(value) for value in row] for row in rows]
    widths = [max(len(line[index]) for line in [names, *shown]) for index in range(len(names))]
    for line in [names, ["-" * width for width in widths], *shown]:
        output.write("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _shorten(value: object) -> str:
    text = re.sub(r"\s+", " ", "" if value is None else str(value))
    return text if len(text) <= _MAX_WIDTH else f"{text[: _MAX_WIDTH - 1]}…"


def _print_csv(names: list[str], rows: Iterator[tuple[object, ...]], output: IO[str]) -> None:
    writer = csv.writer(output)
    writer.writerow(names)
    writer.writerows(rows)


def _print_json(names: list[str], rows: Iterator[tuple[object, ...]], output: IO[str]) -> None:
    for row in rows:
        output.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) + "\n")


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}


def _parse_arguments() -> argparse.Namespace:
    description = (__doc__ or "").partition(": ")[2].splitlines()[0]
    parser = argparse.ArgumentParser(
        prog="make query", description=description, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sql", nargs="?", help="one statement that reads; default: standard input")
    parser.add_argument("--file", type=Path, help="read the statement from this file")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        type=Path,
        help="a file that `make export` wrote, or an archive's folder; default: what the database holds",
    )
    parser.add_argument("--database-url", metavar="URL", help="the monitor's database; default: as `make export`")
    parser.add_argument("--format", choices=sorted(_PRINTERS), default="table", help="default: table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
