"""What importing each handler's module costs a fresh process: CPU time above that of a bare interpreter."""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAN = frozenset({"get_health", "ingest_errors", "ingest_requests", "ingest_envelope", "authorize"})
LEAN_MS, ANY_MS = 150, 400
ROUNDS = 5


def main() -> None:
    """Print each function's figure in ms, with what it may be, and its ratio to importing the drivers alone."""
    bare_ms = cost_ms("pass")
    drivers_ms = cost_ms("import json, logging, http.client, ssl, psycopg2") - bare_ms
    print(f"json, logging, http.client, ssl, psycopg2   {drivers_ms:>5.0f} ms")
    for path in sorted((ROOT / "functions").glob("*.py")):
        took_ms = cost_ms(f"import {path.stem}") - bare_ms
        limit_ms = LEAN_MS if path.stem in LEAN else ANY_MS
        mark = "" if took_ms <= limit_ms else "  TOO MUCH"
        print(f"{path.stem:<44}{took_ms:>5.0f} ms   {took_ms / drivers_ms:>4.1f} x   (at most {limit_ms} ms){mark}")


def cost_ms(statement: str) -> float:
    """CPU time of a process that runs a statement, in ms; the waiting for others on a busy machine is not in it."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}", "PYTHONDONTWRITEBYTECODE": ""}
    found = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", statement], env=environ, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(found)


if __name__ == "__main__":
    main()
