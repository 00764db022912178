"""Measures the import of each function in a fresh process beyond the start of Python, against a reference in the same run.

The reference imports what nearly each of them needs: psycopg2, ssl and json. Its ratio is the same on a slower machine.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

from local.lambda_runtime import layers

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
LEAN = frozenset({"get_health", "ingest_envelope", "ingest_errors", "ingest_requests", "ingest_check_in"})
LEAN |= {"ingest_access", "ingest_external"}
REFERENCE = "import psycopg2, ssl, json"
LEAN_RATIO = 1.3
LEAN_MS, ANY_MS = 150.0, 400.0


def main() -> None:
    """Print the milliseconds of each handler module and their ratio to the reference, slowest first."""
    functions = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
    path = os.pathsep.join(str(folder) for folder in [ROOT / "functions", *layers.build()])
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    bare = measure_start_ms("pass", environ)
    reference = measure_start_ms(REFERENCE, environ) - bare
    took = {name: measure_start_ms(f"import {name}", environ) - bare for name in functions}
    print(f"bare Python {bare:.0f} ms, the reference {reference:.0f} ms more ({REFERENCE})")
    over = 0
    for name, found in sorted(took.items(), key=lambda item: -item[1]):
        limit = LEAN_MS if name in LEAN else ANY_MS
        over += found > limit
        notes = ("   OVER" if found > limit else "") + (f"   aim {LEAN_RATIO}" if name in LEAN else "")
        ratio = f"{found / reference:.2f} of the reference"
        print(f"{name:<24}{found:>6.0f} ms   {found / limit:.2f} of {limit:.0f}   {ratio}{notes}")
    print(f"{len(took) - over} of {len(took)} within their limit")


def measure_start_ms(code: str, environ: dict[str, str]) -> float:
    """Return the CPU time of the fastest of several starts, in ms; disturbances only add. Compiled files exist after the first.

    An import waits for nothing, so its CPU time equals its duration on an idle machine.
    """
    best = float("inf")
    for _ in range(RUNS):
        before = read_children_s()
        subprocess.run([sys.executable, "-c", code], env=environ, check=True)
        best = min(best, read_children_s() - before)
    return best * 1000


def read_children_s() -> float:
    """Return the CPU seconds of all ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
