"""What importing each function costs a fresh process, over starting Python: the part of a cold start that is ours."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from local import layers

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
LEAN = frozenset({"get_health", "ingest_envelope", "ingest_errors", "ingest_requests"})
LEAN_MS, ANY_MS = 150.0, 400.0


def main() -> None:
    """Print the milliseconds of each handler's module, slowest first, and those above their limit."""
    functions = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
    path = os.pathsep.join(str(folder) for folder in [ROOT / "functions", *layers.build()])
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    bare = start_ms("pass", environ)
    took = {name: start_ms(f"import {name}", environ) - bare for name in functions}
    print(f"bare Python {bare:.0f} ms; modules of the standard library count towards each function")
    over = 0
    for name, found in sorted(took.items(), key=lambda item: -item[1]):
        limit = LEAN_MS if name in LEAN else ANY_MS
        over += found > limit
        print(f"{name:<24}{found:>6.0f} ms   {found / limit:.2f} of {limit:.0f}{'' if found <= limit else '   OVER'}")
    print(f"{len(took) - over} of {len(took)} within their limit")


def start_ms(code: str, environ: dict[str, str]) -> float:
    """CPU of the fastest of some starts: what disturbs can only add. Compiled files are there from the first of them.

    An import waits for nothing, so that its CPU is its time on a machine that has nothing else to do.
    """
    best = float("inf")
    for _ in range(RUNS):
        before = children_s()
        subprocess.run([sys.executable, "-c", code], env=environ, check=True)
        best = min(best, children_s() - before)
    return best * 1000


def children_s() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
