"""`make audit`: looks for known vulnerabilities in every pinned package, Python's and the page's.

Exit code 1 where one is found. Where an advisory service cannot be reached nothing is known: that is said loudly,
and is no failure, as a build must not hang on somebody else's server.
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements-dev.txt", "layers/dependencies/requirements.txt", "requirements-ministack.txt")
PAGES = ("dashboard", "tests/node")
_TIMEOUT_S = 150

console = Console()


class ServiceUnreachable(Exception):
    """The advisory service did not answer; nothing is known."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a set of packages: how many were looked up, how many could not be, and their flaws."""

    checked: int
    unknown: int
    flaws: tuple[str, ...]


def main() -> int:
    """Print what was found, or that it could not be looked up."""
    argparse.ArgumentParser(prog="make audit", description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    flaws: list[str] = []
    for name in (*LOCKS, *PAGES):
        try:
            found = of_node(_of_npm(ROOT / name)) if name in PAGES else of_python(_of_pip(ROOT / name))
        except ServiceUnreachable as error:
            console.print(f"[bold yellow]audit: NOT CHECKED: {name}: {error}[/]")
            continue
        if found.unknown:
            console.print(
                f"[bold yellow]audit: NOT CHECKED: {found.unknown} packages of {name}: the service does not know them[/]"
            )
        if found.checked:
            console.print(f"audit: {name}: {len(found.flaws) or 'no'} known vulnerabilities in {found.checked} packages")
        flaws += found.flaws
    for flaw in flaws:
        console.print(f"[bold red]audit:[/] {flaw}", highlight=False)
    return 1 if flaws else 0


def of_python(answer: str) -> Findings:
    """What pip-audit's JSON says. Raises ServiceUnreachable where it is none."""
    try:
        dependencies = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        raise ServiceUnreachable("pip-audit got no answer") from None
    # A package that was skipped was not found harmless: nothing is known of it.
    checked = [item for item in dependencies if "skip_reason" not in item]
    flaws = tuple(f"{item['name']} {item['version']}: {flaw['id']}" for item in checked for flaw in item["vulns"])
    return Findings(len(checked), len(dependencies) - len(checked), flaws)


def of_node(answer: str) -> Findings:
    """What npm's JSON says. Raises ServiceUnreachable where it is none."""
    try:
        found = json.loads(answer)
        flaws = tuple(f"{name}: {item['severity']}" for name, item in found["vulnerabilities"].items())
        return Findings(found["metadata"]["dependencies"]["total"], 0, flaws)
    except (ValueError, KeyError):
        raise ServiceUnreachable("npm's registry gave no advisories") from None


def _of_pip(lock: Path) -> str:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    return _run([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "15"], ROOT).stdout


def _of_npm(folder: Path) -> str:
    return _run([shutil.which("npm") or "npm", "audit", "--json"], folder).stdout


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ServiceUnreachable(f"no answer within {_TIMEOUT_S} s") from None


if __name__ == "__main__":
    sys.exit(main())
