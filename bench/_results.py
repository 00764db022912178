"""Writes the figures of a benchmark as JSON, with the machine, the commit and the command that they come from."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[1]


class Figure(TypedDict):
    """One measured value. at: what it was measured at, by name. limit: the most that it may be; None: nothing is demanded."""

    name: str
    value: float
    unit: str
    at: Mapping[str, float | str]
    limit: float | None


def build_figure(name: str, value: float, unit: str, limit: float | None = None, **at: float | str) -> Figure:
    """Build a figure; `at`: sizes and conditions."""
    return {"name": name, "value": value, "unit": unit, "at": at, "limit": limit}


def write_results(bench: str, figures: Sequence[Figure]) -> Path | None:
    """Write `<bench>.json` into the folder that BENCH_JSON names, and return its path; None if the variable is not set.

    busy: processes that wanted a processor in the last minute, for each processor; above 1 durations say little.
    """
    folder = os.environ.get("BENCH_JSON")
    if not folder:
        return None
    found = {
        "bench": bench,
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _read_commit(),
        "machine": {
            "processors": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "busy": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
        },
        "figures": list(figures),
    }
    target = Path(folder) / f"{bench}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    print(f"results: {target}")
    return target


def _read_commit() -> str | None:
    """Return the commit of this checkout, with "+" if files differ from it; None where git does not say."""
    try:
        run = [
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return run[0] + ("+" if run[1] else "")
