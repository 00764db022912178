"""`python -m tests.chaos`: plays faults on a running system and prints a row for each; exit code 1 where one cost something."""

import argparse
import json
import os
import platform
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos.catalog import ARENAS, FAULTS, explain_absence
from tests.chaos.fault import Fault, Row, Setup
from tests.chaos.play import play
from tests.chaos.report import RESULTS, read_results, write_document

_COLUMNS = ("sent", "accepted", "stored", "lost", "doubled", "due", "delivered", "recovered_s")


def main() -> int:
    """Play what the arguments name."""
    args = _read_arguments()
    if args.document:
        write_document(read_results(RESULTS))
        return 0
    chosen = [fault for fault in FAULTS if (not args.short or fault.is_quick) and args.only in fault.name]
    chosen = chosen[args.first - 1 : args.last]
    if args.list:
        print("\n".join(f"{number:2} {fault.name}" for number, fault in enumerate(chosen, args.first)))
        return 0
    if not chosen:
        print(f"chaos: no fault's name contains {args.only!r}; --list shows them", file=sys.stderr)
        return 2
    rows = play_all(chosen, args.results)
    return 1 if any(row.problems for row in rows) else 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=(__doc__ or "").partition(";")[0])
    parser.add_argument("--short", action="store_true", help="the quickest faults alone")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose name contains this")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="begin with the Nth of these")
    parser.add_argument("--last", type=int, default=len(FAULTS), metavar="N", help="end with the Nth of these")
    parser.add_argument("--list", action="store_true", help="print names and play nothing")
    parser.add_argument("--results", type=Path, metavar="FILE", help="add the rows to a JSON file")
    parser.add_argument("--document", action="store_true", help="write docs/reliability.md from the kept results, play nothing")
    return parser.parse_args()


def play_all(faults: Sequence[Fault], results: Path | None) -> list[Row]:
    """Play faults one after the other; rows are kept in `results` as they come."""
    absent = {fault.name: why for fault in faults if (why := explain_absence(fault))}
    for name, why in absent.items():
        print(f"NOT RUN HERE: {name}: {why}", flush=True)
    print(f"{'fault':34}" + "".join(f"{name:>12}" for name in _COLUMNS), flush=True)
    rows: list[Row] = []
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=len(faults) - len(absent))
        for setup in ARENAS:
            waiting = deque(fault for fault in faults if fault.setup == setup and fault.name not in absent)
            while waiting:
                for row in _play_until_broken(setup, waiting, lambda name: progress.update(task, description=name)):
                    rows.append(row)
                    progress.advance(task)
                    if results:
                        save(results, [row], absent)
    return rows


def _play_until_broken(setup: Setup, waiting: deque[Fault], announce: Callable[[str], None]) -> Iterator[Row]:
    """Play faults in one arena; a fault that broke something leaves a new arena to the next one."""
    with ARENAS[setup]() as arena:
        while waiting:
            fault = waiting.popleft()
            announce(fault.name)
            started = time.monotonic()
            row = play(fault, arena)
            _print_row(row, time.monotonic() - started)
            if row.problems:
                print(arena.system.read_logs()[-6000:], file=sys.stderr)
            yield row
            if row.problems:
                return


def _print_row(row: Row, seconds: float) -> None:
    values = asdict(row)
    print(f"{row.fault:34}" + "".join(f"{values[name]!s:>12}" for name in _COLUMNS) + f"   ({seconds:.0f} s)", flush=True)
    for problem in row.problems:
        print(f"  BROKEN: {problem}", flush=True)


def save(path: Path, rows: Iterable[Row], absent: dict[str, str]) -> None:
    """Add rows to the results; a row of before gives way to a new one of the same fault."""
    known = read_results(path) if path.is_file() else {"rows": {}, "not_run": {}}
    known["machine"] = {
        "system": f"{platform.system()} {platform.release()}",
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
    }
    known["command"] = "make chaos"
    known["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    for row in rows:
        known["rows"][row.fault] = asdict(row)
        known["not_run"].pop(row.fault, None)
    for name, why in absent.items():
        known["not_run"][name] = why
        known["rows"].pop(name, None)
    path.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
