"""`make export`: writes errors as JSON lines, scrubbed as they are stored."""

import argparse
import contextlib
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from callwatch.db.archive_queries.archived_days import find_archived_days
from callwatch.db.core.connect import AnyConnection, open_connection
from callwatch.db.error_queries.error_export import ExportedRow, ExportFilters, count_occurrences, read_occurrences
from callwatch.db.error_queries.group_lists import find_group
from callwatch.exceptions import CallwatchError, DatabaseUnavailable
from callwatch.payloads.lines import Payload
from callwatch.payloads.read import Found, StoredPlace, read_payloads
from callwatch.times import format_time, parse_time

_EXAMPLES = """
examples:
  make export ARGS="--group 42 --output group42.jsonl"
  make export ARGS="--since 2026-01-31T00:00:00Z --until 2026-02-01T00:00:00Z" > january31.jsonl

Each line is one occurrence: what it is, and under "event" all that it carried; that is null where a spike was sampled, and
where the store of payloads does not give it: "unknown" then says why. PAYLOADS_URL is that store; default: the running system's.
"""
_PROGRESS_EVERY = 500
_INTERNAL = ("payload", "object_start", "object_bytes", "object_name")
# Where the payload lies in an object, the row leaves these to it.
_BESIDE = ("type", "message", "endpoint", "release", "service", "user_hash")


class ExportError(CallwatchError):
    """The export is not possible; the text is one line with the remedy."""


def main() -> int:
    """Write the export; show progress on stderr if it is a terminal."""
    args = _parse_arguments()
    try:
        with contextlib.closing(open_connection(find_database_url(args.database_url, os.environ))) as conn:
            filters = _build_filters(conn, args)
            with _output(args.output) as output:
                payloads_url = find_payloads_url(os.environ)
                note_archived(conn, sys.stderr)
                written = write(conn, filters, output, payloads_url, sys.stderr if sys.stderr.isatty() else None)
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


def write(
    conn: AnyConnection,
    filters: ExportFilters,
    output: IO[str],
    payloads_url: str | None = None,
    progress: IO[str] | None = None,
) -> int:
    """Write occurrences as JSON lines; return their number. payloads_url: the store of payloads that lie outside."""
    total = count_occurrences(conn, filters) if progress else 0
    written = 0
    rows = read_occurrences(conn, filters)
    while part := list(itertools.islice(rows, _PROGRESS_EVERY)):
        places = [_find_place(row) for row in part]
        found = read_payloads(payloads_url, [place for place in places if place is not None])
        for row, place in zip(part, places, strict=True):
            output.write(render_line(row, found[place] if place is not None else None) + "\n")
        written += len(part)
        if progress and len(part) == _PROGRESS_EVERY:
            progress.write(f"\r{written:,} of {total:,}")
            progress.flush()
    output.flush()
    if progress and written >= _PROGRESS_EVERY:
        progress.write("\r\033[K")
    return written


def render_line(row: Mapping[str, Any], payload: Found | None) -> str:
    """Render one occurrence as one line of JSON. payload: what its object holds, or why that is unknown; None: it has none."""
    shown = {
        name: _format_iso(value) if isinstance(value, datetime) else value for name, value in row.items() if name not in _INTERNAL
    }
    event = row["payload"]
    if isinstance(payload, Payload):
        shown |= {name: payload.fields[name] for name in _BESIDE}
        event = payload.event_text
    elif payload is not None:
        # The row has the beginning of the hash alone.
        shown |= {"user_hash": None, "unknown": {"event": payload.to_dict()}}
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    # It is stored as JSON already.
    return f'{text[:-1]},"event":{event or "null"}}}'


def note_archived(conn: AnyConnection, output: IO[str]) -> None:
    """Say which days lie only in the archive, so that what the database holds is not taken for all there is."""
    span = find_archived_days(conn)
    if span is not None:
        output.write(
            f"note: errors of {span.first_day} to {span.last_day} may be only in the archive, and are left out here;"
            " make query reads its folder with --from (docs/history.md)\n"
        )


def _find_place(row: ExportedRow) -> StoredPlace | None:
    start, size = row["object_start"], row["object_bytes"]
    return StoredPlace(row["object_name"], start, size) if start is not None and size is not None else None


def _parse_arguments() -> argparse.Namespace:
    description = __doc__.partition(": ")[2] if __doc__ else None
    parser = argparse.ArgumentParser(
        prog="make export", description=description, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--group", metavar="ID", help="only this error group: its id or its fingerprint")
    parser.add_argument("--since", metavar="TIME", type=_parse_time, help="from this ISO 8601 time on")
    parser.add_argument("--until", metavar="TIME", type=_parse_time, help="before this ISO 8601 time")
    parser.add_argument("--project", metavar="N", type=int, help="only this project; 0 is the monitor itself")
    parser.add_argument("--environment", metavar="NAME", help="only this environment")
    parser.add_argument("--output", metavar="FILE", type=Path, help="file to write; default: standard output")
    parser.add_argument(
        "--database-url", metavar="URL", help="the monitor's database; default: DATABASE_URL, then that of the running system"
    )
    return parser.parse_args()


def _parse_time(text: str) -> datetime:
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


def find_payloads_url(environ: Mapping[str, str]) -> str | None:
    """The store of payloads: of the environment, or of the running system; None if there is none."""
    folder = (Path(environ.get("DATA_DIR") or ".local") / "payloads").resolve()
    return environ.get("PAYLOADS_URL") or (str(folder) if folder.is_dir() else None)


def _build_filters(conn: AnyConnection, args: argparse.Namespace) -> ExportFilters:
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


def _format_iso(when: datetime) -> str:
    return format_time(when)


if __name__ == "__main__":
    sys.exit(main())
