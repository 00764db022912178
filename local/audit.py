"""`make audit`: looks for known vulnerabilities in every pinned package, Python's and the page's.

Exit code 1 where one is found. Where an advisory service cannot be reached nothing is known: that is said loudly,
and is no failure, as a build must not hang on somebody else's server.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements-dev.txt", "layers/dependencies/requirements.txt", "requirements-ministack.txt")
PAGES = ("dashboard", "tests/node")
_TIMEOUT_S = 60

console = Console()


class ServiceUnreachable(Exception):
    """The advisory service did not answer; nothing is known."""


def main() -> int:
    """Print what was found, or that it could not be looked up."""
    argparse.ArgumentParser(prog="make audit", description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    found: list[str] = []
    for name in (*LOCKS, *PAGES):
        try:
            lines = of_node(ROOT / name) if name in PAGES else of_python(ROOT / name)
        except ServiceUnreachable as error:
            console.print(f"[bold yellow]audit: NOT CHECKED: {name}: {error}[/]")
            continue
        console.print(f"audit: {name}: {len(lines) or 'no'} known vulnerabilities")
        found += lines
    for line in found:
        console.print(f"[bold red]audit:[/] {line}", highlight=False)
    return 1 if found else 0


def of_python(lock: Path) -> list[str]:
    """Vulnerabilities of a lock's packages, as pip-audit knows them. Raises ServiceUnreachable."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    done = _run([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "15"], ROOT)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise ServiceUnreachable((done.stderr.strip().splitlines() or ["no answer"])[-1][:200]) from None
    return [f"{item['name']} {item['version']}: {flaw['id']}" for item in dependencies for flaw in item.get("vulns", [])]


def of_node(folder: Path) -> list[str]:
    """Vulnerabilities of a package-lock.json, as the npm registry knows them. Raises ServiceUnreachable."""
    done = _run([shutil.which("npm") or "npm", "audit", "--json"], folder)
    try:
        answer = json.loads(done.stdout)
        return [f"{name}: {item['severity']}" for name, item in answer["vulnerabilities"].items()]
    except (ValueError, KeyError):
        raise ServiceUnreachable("npm's registry gave no advisories") from None


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ServiceUnreachable(f"no answer within {_TIMEOUT_S} s") from None


if __name__ == "__main__":
    sys.exit(main())
