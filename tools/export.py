"""`make export`: writes errors as JSON lines, scrubbed as they are stored."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from callwatch.db.core.connect import AnyConnection, open_connection
from callwatch.db.error_queries.error_export import ExportFilters, count_occurrences, occurrences
from callwatch.db.error_queries.group_lists import find_group
from callwatch.exceptions import CallwatchError, DatabaseUnavailable
from callwatch.times import format_time, parse_time

_EXAMPLES = """
examples:
  make export ARGS="--group 42 --output group42.jsonl"
  make export ARGS="--since 2026-01-31T00:00:00Z --until 2026-02-01T00:00:00Z" > january31.jsonl

Each line is one occurrence: what it is, and under "event" all that it carried; that is null where a spike was sampled.
"""
_PROGRESS_EVERY = 500


class ExportError(CallwatchError):
    """The export is not possible; the text is one line with the remedy."""


def main() -> int:
    """Write the export; show progress on stderr if it is a terminal."""
    args = _arguments()
    try:
        with contextlib.closing(open_connection(find_database_url(args.database_url, os.environ))) as conn:
            filters = _filters(conn, args)
            with _output(args.output) as output:
                written = write(conn, filters, output, sys.stderr if sys.stderr.isatty() else None)
    except DatabaseUnavailable as error:
        print(f"export: the database does not answer ({error})", file=sys.stderr)
        return 1
    except (ExportError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader closed the pipe; Python would report that again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(f"export: {written:,} written", file=sys.stderr)
    return 0


def write(conn: AnyConnection, filters: ExportFilters, output: IO[str], progress: IO[str] | None = None) -> int:
    """Write occurrences as JSON lines; return their number."""
    total = count_occurrences(conn, filters) if progress else 0
    written = 0
    for row in occurrences(conn, filters):
        output.write(render_line(row) + "\n")
        written += 1
        if progress and written % _PROGRESS_EVERY == 0:
            progress.write(f"\r{written:,} of {total:,}")
            progress.flush()
    output.flush()
    if progress and written >= _PROGRESS_EVERY:
        progress.write("\r\033[K")
    return written


def render_line(row: Mapping[str, Any]) -> str:
    """Render one occurrence as one line of JSON."""
    shown = {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items() if name != "payload"}
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    # The database stores the event as JSON already.
    return f'{text[:-1]},"event":{row["payload"] or "null"}}}'


def _arguments() -> argparse.Namespace:
    description = __doc__.partition(": ")[2] if __doc__ else None
    parser = argparse.ArgumentParser(
        prog="make export", description=description, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--group", metavar="ID", help="only this error group: its id or its fingerprint")
    parser.add_argument("--since", metavar="TIME", type=_time, help="from this ISO 8601 time on")
    parser.add_argument("--until", metavar="TIME", type=_time, help="before this ISO 8601 time")
    parser.add_argument("--project", metavar="N", type=int, help="only this project; 0 is the monitor itself")
    parser.add_argument("--environment", metavar="NAME", help="only this environment")
    parser.add_argument("--output", metavar="FILE", type=Path, help="file to write; default: standard output")
    parser.add_argument(
        "--database-url", metavar="URL", help="the monitor's database; default: DATABASE_URL, then that of the running system"
    )
    return parser.parse_args()


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def find_database_url(given: str | None, environ: Mapping[str, str]) -> str:
    """The database to read: as given, of the environment, or of the running system. Raises ExportError."""
    run_file = Path(environ.get("DATA_DIR") or ".local") / "run.json"
    url = given or environ.get("DATABASE_URL")
    if not url and run_file.is_file():
        url = str(json.loads(run_file.read_text())["database_url"])
    if not url:
        raise ExportError("no database: start the system (make run), or set DATABASE_URL or --database-url")
    return url


def _filters(conn: AnyConnection, args: argparse.Namespace) -> ExportFilters:
    filters: ExportFilters = {
        "since": args.since,
        "until": args.until,
        "project": args.project,
        "environment": args.environment,
    }
    if args.group is None:
        return filters
    group = find_group(conn, args.group)
    if group is None:
        raise ExportError(f"there is no error group {args.group}")
    return {**filters, "group_id": group["id"]}


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    # Written completely or not at all: half an export must not look like one.
    draft = path.with_name(f"{path.name}.part")
    with draft.open("w", encoding="utf-8") as file:
        yield file
    draft.replace(path)


def _iso(when: datetime) -> str:
    return format_time(when)


if __name__ == "__main__":
    sys.exit(main())
