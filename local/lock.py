"""`make lock`: pins every package, those that packages need included, with the hashes of all their files.

A requirements-*.in says what is wanted; the requirements-*.txt beside it is what pip installs, and it refuses a file
whose hash is not listed. The locks hold for Python 3.11 and later on Linux and macOS, x86_64 and arm64.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Those for development first: the others take its versions, so that what is tested is what is deployed.
LOCKS = (
    "requirements-dev",
    "requirements-run",
    "requirements-runtime",
    "layers/dependencies/requirements",
    "requirements-ministack",
)
_APART = "requirements-ministack"
OLDEST_PYTHON = "3.11"


def main() -> int:
    """Write the locks whose sources changed, or with --upgrade all of them anew."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the sources admit")
    is_upgrade = parser.parse_args().upgrade
    for name in LOCKS:
        if is_upgrade or not is_current(name):
            lock(name, is_upgrade)
            print(f"lock: {name}.txt written")
    return 0


def lock(name: str, is_upgrade: bool = False) -> None:
    """Resolve one source and write its lock."""
    path = ROOT / f"{name}.txt"
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    # pip takes a package with extras for another one than that without: its line must name them.
    command += ["--no-strip-extras"]
    command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--no-emit-index-url", f"{name}.in"]
    command += ["--output-file", str(path)]
    if name not in (LOCKS[0], _APART):
        command += ["--constraint", f"{LOCKS[0]}.txt"]
    if is_upgrade:
        command += ["--upgrade"]
    subprocess.run(command, cwd=ROOT, check=True)
    header = f"# Written by `make lock` from {Path(name).name}.in\n# sources: {digest(name)}\n"
    path.write_text(header + with_bare_names(path.read_text()))


def with_bare_names(content: str) -> str:
    """The lock with each package that has extras named without them, too: to pip those are two packages."""
    blocks = re.split(r"\n(?=\S)", content.rstrip("\n"))
    found = []
    for block in blocks:
        bare = re.sub(r"^([\w.-]+)\[[^\]]*\]", r"\1", block)
        found += [bare, block] if bare != block else [block]
    return "\n".join(found) + "\n"


def digest(name: str) -> str:
    """A hash of all sources of a lock, comments and order aside."""
    return hashlib.sha256("\n".join(sorted(_wanted(ROOT / f"{name}.in"))).encode()).hexdigest()


def _wanted(path: Path) -> set[str]:
    found = set()
    for line in path.read_text().splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted.startswith("-r "):
            found |= _wanted(path.parent / wanted.removeprefix("-r "))
        elif wanted:
            found.add(wanted)
    return found


def is_current(name: str) -> bool:
    """Whether a lock was written from its sources of today."""
    path = ROOT / f"{name}.txt"
    return path.is_file() and f"# sources: {digest(name)}\n" in path.read_text()


def pinned(name: str) -> dict[str, str]:
    """Version by package of a lock."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
