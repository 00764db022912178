"""`python -m tests.fuzz`: fuzzes every reader of foreign input for some minutes; exit code 1 where one of them failed."""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS

_EXAMPLES_PER_ROUND = 300
_MAX_PRINTED = 4000


def main() -> int:
    """Fuzz in rounds until the time is over."""
    args = _read_arguments()
    names = [name for name in TARGETS if args.only in name]
    if not names:
        print(f"fuzz: no target's name contains {args.only!r}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    has_failed = _fuzz_by_rules(names, args.minutes)
    if importlib.util.find_spec("atheris") is None:
        print("NOT RUN HERE: coverage-guided fuzzing, as atheris is not installed (pip install atheris)", flush=True)
    else:
        has_failed |= _fuzz_by_coverage(names, args.minutes)
    return int(has_failed)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").partition(";")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long in total, for each engine (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help=f"targets whose name contains this: {', '.join(TARGETS)}")
    return parser.parse_args()


def _fuzz_by_rules(names: Sequence[str], minutes: float) -> bool:
    """Hypothesis: every target for its share of the time."""
    has_failed = False
    share_s = minutes * 60 / len(names)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("fuzzing", total=len(names))
        for name in names:
            progress.update(task, description=name)
            tried, crash, until = 0, None, time.monotonic() + share_s
            while crash is None and time.monotonic() < until:
                crash = fuzz(TARGETS[name], _EXAMPLES_PER_ROUND, is_repeatable=False)
                tried += _EXAMPLES_PER_ROUND
            print(f"{name:12} {tried:>8} inputs {'FAILED' if crash else 'held'}", flush=True)
            if crash:
                has_failed = True
                print(f"input: {crash.given!r}"[:_MAX_PRINTED], flush=True)
                traceback.print_exception(crash.error, file=sys.stdout)
            progress.advance(task)
    return has_failed


def _fuzz_by_coverage(names: Sequence[str], minutes: float) -> bool:
    """Atheris: a process for each target, as it ends the process of a failing one."""
    has_failed = False
    seconds = max(1, round(minutes * 60 / len(names)))
    root = Path(__file__).resolve().parents[2]
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz.coverage", name, f"-max_total_time={seconds}", "-verbosity=0"]
        done = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=False)
        print(f"{name:12} {'held' if done.returncode == 0 else 'FAILED'} under atheris for {seconds} s", flush=True)
        if done.returncode != 0:
            has_failed = True
            print((done.stdout + done.stderr)[-_MAX_PRINTED:], flush=True)
    return has_failed


if __name__ == "__main__":
    sys.exit(main())
