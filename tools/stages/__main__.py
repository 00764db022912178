"""Check a stage file against a database, and print what of it is known and unknown."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from callwatch.db.connections.lend import PRODUCT_STATEMENT_TIMEOUT_MS
from callwatch.db.core.connect import open_connection
from callwatch.exceptions import ConfigurationError, DatabaseUnavailable
from callwatch.pipeline.stage_file import get_stages
from tools.stages.check import Line, check_stages, is_readable

_EPILOG = """
examples:
  make stages CHECK=stages.json
  DATABASE_URL=postgresql://... make stages CHECK=stages.json

known: it was read. empty: it was read, and there is nothing to count. none: the file leaves it out. replaced: what the file
names cannot be read, and its substitute was. unknown: it cannot be read. The database is only read, each statement for at most
two seconds. Exit status: 0, or 1 if the file is not valid or a part cannot be read, or 2 without a database.
"""
_HEAD = Line("what", "state", "table", "column", "value, or why there is none")  # type: ignore[arg-type]  # the heading
_COLORS = {"known": "32", "empty": "36", "none": "2", "replaced": "33", "unknown": "31;1"}
_MOST_CHARS = 60


def main() -> int:
    """Check the file, and print the table."""
    parser = argparse.ArgumentParser(
        prog="make stages", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", help="the stage file; default: that of the call product")
    parser.add_argument("--timezone", default=os.environ.get("TIMEZONE") or "UTC", help="whose days count (TIMEZONE, else UTC)")
    args = parser.parse_args()
    try:
        stages = get_stages(args.file)
        with contextlib.closing(open_connection(_find_database(os.environ))) as conn:
            conn.set_session(readonly=True)
            conn.transaction_settings = {"statement_timeout": f"{PRODUCT_STATEMENT_TIMEOUT_MS}ms"}
            lines = check_stages(conn, datetime.now(UTC), args.timezone, stages)
    except ConfigurationError as error:
        print(f"stages: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError:
        print("stages: no database: start the system (make run), or set DATABASE_URL", file=sys.stderr)
        return 2
    except DatabaseUnavailable as error:
        print(f"stages: the database does not answer ({error})", file=sys.stderr)
        return 2
    print(render_table(lines, is_colored=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    unread = sum(line.state == "unknown" for line in lines)
    print(f"\n{len(lines)} lines, {unread} unknown")
    return 0 if is_readable(lines) else 1


def render_table(lines: Sequence[Line], is_colored: bool) -> str:
    """The lines in aligned columns; only the state is colored."""
    texts = [[line.what, line.state, _shorten(line.table), _shorten(line.column), line.why] for line in (_HEAD, *lines)]
    widths = [max(len(row[number]) for row in texts) for number in range(4)]
    rendered = []
    for what, state, table, column, why in texts:
        shown = state.ljust(widths[1])
        if is_colored and state in _COLORS:
            shown = f"\033[{_COLORS[state]}m{shown}\033[0m"
        cells = (what.ljust(widths[0]), shown, table.ljust(widths[2]), column.ljust(widths[3]), why)
        rendered.append("  ".join(cells).rstrip())
    return "\n".join(rendered)


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 3]}..."


def _find_database(environ: Mapping[str, str]) -> str:
    """The product's database. Raises FileNotFoundError if none is named and no local system runs."""
    given = environ.get("PRODUCT_DATABASE_URL") or environ.get("DATABASE_URL")
    if given:
        return given
    run_file = Path(environ.get("DATA_DIR") or ".local") / "run.json"
    return str(json.loads(run_file.read_text())["database_url"])


if __name__ == "__main__":
    sys.exit(main())
