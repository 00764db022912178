"""`make lock`: pins every package and its dependencies, with the hashes of all their files.

A requirements-*.in lists what is wanted; pip installs the requirements-*.txt next to it, and rejects files whose hash is
not listed. The locks hold for Python 3.11 and later on Linux and macOS, x86_64 and arm64.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Development comes first: the others use its versions, so that tested and deployed versions agree.
LOCKS = (
    "requirements-dev",
    "requirements-run",
    "requirements-runtime",
    "layers/dependencies/requirements",
    "requirements-setup",
    "requirements-ministack",
)
_APART = "requirements-ministack"
OLDEST_PYTHON = "3.11"


def main() -> int:
    """Write the locks whose sources changed, or all of them with --upgrade."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--upgrade", action="store_true", help="use the newest versions that the sources allow")
    is_upgrade = parser.parse_args().upgrade
    for name in LOCKS:
        if is_upgrade or not is_current(name):
            lock(name, is_upgrade)
            print(f"lock: {name}.txt written")
    return 0


def lock(name: str, is_upgrade: bool = False) -> None:
    """Resolve one source and write its lock."""
    path = ROOT / f"{name}.txt"
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "compile",
        "--quiet",
        "--system-certs",
        "--universal",
        "--generate-hashes",
    ]
    # pip distinguishes a package with extras from the same package without: the line must name them.
    command += ["--no-strip-extras"]
    command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--no-emit-index-url", f"{name}.in"]
    command += ["--output-file", str(path)]
    if name not in (LOCKS[0], _APART):
        command += ["--constraint", f"{LOCKS[0]}.txt"]
    if is_upgrade:
        command += ["--upgrade"]
    subprocess.run(command, cwd=ROOT, check=True)
    header = f"# Written by `make lock` from {Path(name).name}.in\n# sources: {digest(name)}\n"
    path.write_text(header + add_bare_names(path.read_text()))


def add_bare_names(content: str) -> str:
    """Return the lock with each package that has extras listed without them, too."""
    blocks = re.split(r"\n(?=\S)", content.rstrip("\n"))
    found = []
    for block in blocks:
        bare = re.sub(r"^([\w.-]+)\[[^\]]*\]", r"\1", block)
        found += [bare, block] if bare != block else [block]
    return "\n".join(found) + "\n"


def digest(name: str) -> str:
    """Return a hash of all sources of a lock, ignoring comments and order."""
    return hashlib.sha256("\n".join(sorted(_list_wanted(ROOT / f"{name}.in"))).encode()).hexdigest()


def _list_wanted(path: Path) -> set[str]:
    found = set()
    for line in path.read_text().splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted.startswith("-r "):
            found |= _list_wanted(path.parent / wanted.removeprefix("-r "))
        elif wanted:
            found.add(wanted)
    return found


def is_current(name: str) -> bool:
    """Return whether a lock was written from today's sources."""
    path = ROOT / f"{name}.txt"
    return path.is_file() and f"# sources: {digest(name)}\n" in path.read_text()


def read_pins(name: str) -> dict[str, str]:
    """Return the version of each package of a lock."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
