"""Runs the tests that failed in the last run once more, alone. A line names those that then pass: they are flaky."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".pytest_cache" / "v"
MAX_FAILED = 3
# pytest's exit status where tests failed; any other names a run that did not come to its end.
TESTS_FAILED = 1


def main() -> int:
    """Return 0 only if at most three tests failed in the last run, and each of them passes alone."""
    argparse.ArgumentParser(prog="make retest", description=__doc__).parse_args()
    return retest(CACHE, run_alone)


def retest(cache: Path, passes: Callable[[str], bool]) -> int:
    """Judge the last run by pytest's cache; passes: run one test alone."""
    failed, why = read_failed(cache)
    if not failed:
        print(f"retest: {why}; nothing is run again", file=sys.stderr)
        return 1
    flaky = [test for test in failed if passes(test)]
    again = [test for test in failed if test not in flaky]
    if flaky:
        print(f"\n{'!' * 100}\nFLAKY: failed next to others, passed alone: {', '.join(flaky)}\n{'!' * 100}", flush=True)
    if again:
        print(f"FAILED, and failed again alone: {', '.join(again)}", flush=True)
    return 1 if again else 0


def read_failed(cache: Path) -> tuple[list[str], str]:
    """Return the tests to run again, or none and why."""
    try:
        status = json.loads((cache / "callwatch" / "status").read_text())
        failed = sorted(json.loads((cache / "cache" / "lastfailed").read_text()))
    except (OSError, ValueError):
        return [], "there is no record of a run with failures"
    if status != TESTS_FAILED:
        return [], f"the run itself did not come to its end (pytest's exit status is {status})"
    if not all("::" in test for test in failed):
        return [], "a file could not be collected"
    if len(failed) > MAX_FAILED:
        return [], f"{len(failed)} tests failed, which is not chance"
    return failed, ""


def run_alone(test: str) -> bool:
    """Run one test in a process of its own, and leave the record of the whole run as it is."""
    command: Sequence[str] = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", test]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
