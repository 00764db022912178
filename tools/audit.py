"""`make audit`: looks for known vulnerabilities in every pinned package, of Python and of the page.

Returns 1 if it finds one. An unreachable advisory service means that nothing is known: the program says so loudly but does
not fail, because a build must not depend on a foreign server.
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
    """The result for a set of packages: the number checked, the number unknown, and the vulnerabilities."""

    checked: int
    unknown: int
    flaws: tuple[str, ...]


def main() -> int:
    """Print the findings, or that the lookup failed."""
    argparse.ArgumentParser(prog="make audit", description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    flaws: list[str] = []
    for name in (*LOCKS, *PAGES):
        try:
            found = parse_npm_audit(_audit_page(ROOT / name)) if name in PAGES else parse_pip_audit(_audit_python(ROOT / name))
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


def parse_pip_audit(answer: str) -> Findings:
    """Parse the JSON of pip-audit. Raises ServiceUnreachable if it is invalid."""
    try:
        dependencies = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        raise ServiceUnreachable("pip-audit got no answer") from None
    # A skipped package is unknown, not safe.
    checked = [item for item in dependencies if "skip_reason" not in item]
    flaws = tuple(f"{item['name']} {item['version']}: {flaw['id']}" for item in checked for flaw in item["vulns"])
    return Findings(len(checked), len(dependencies) - len(checked), flaws)


def parse_npm_audit(answer: str) -> Findings:
    """Parse the JSON of npm. Raises ServiceUnreachable if it is invalid."""
    try:
        found = json.loads(answer)
        flaws = tuple(f"{name}: {item['severity']}" for name, item in found["vulnerabilities"].items())
        return Findings(found["metadata"]["dependencies"]["total"], 0, flaws)
    except (ValueError, KeyError):
        raise ServiceUnreachable("npm's registry gave no advisories") from None


def _audit_python(lock: Path) -> str:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    return _run([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "15"], ROOT).stdout


def _audit_page(folder: Path) -> str:
    return _run([shutil.which("npm") or "npm", "audit", "--json"], folder).stdout


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ServiceUnreachable(f"no answer within {_TIMEOUT_S} s") from None


if __name__ == "__main__":
    sys.exit(main())
