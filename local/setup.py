"""Sets up what a bare machine lacks: the virtual environment, its packages, the built dashboard.

Runs on the machine's own Python with the standard library alone. Each step is stamped with a hash of
what it was made from, so that a second run finds nothing to do.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
STAMPS = VENV / "stamps"
PYTHON = VENV / "bin" / "python"
DASHBOARD = ROOT / "dashboard"


class SetupError(Exception):
    """A step that cannot be done; the text is one line with the remedy."""


def main() -> int:
    """Bring the machine to the wanted state; exit code 1 with one line where that cannot be done."""
    parser = argparse.ArgumentParser(prog="setup", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("purpose", choices=["run", "dev"], help="run: what `make run` needs; dev: tests and linters too")
    purpose = parser.parse_args().purpose
    try:
        check_machine()
        make_venv()
        install("requirements-run.txt")
        if purpose == "dev":
            install("requirements-dev.txt")
            install_node(ROOT / "tests" / "node", "npm-tests", "the Node.js clients of the tests")
            make_ministack()
        build_dashboard()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def check_machine() -> None:
    """Raise SetupError where Python or Node is too old or missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this very file is what an old interpreter would run
        raise SetupError(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}; install python3.11")
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise SetupError("Node.js 20 or later with npm is needed; install nodejs and npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(version.lstrip("v").split(".")[0] or 0) < 20:
        raise SetupError(f"Node.js 20 or later is needed, this is {version}")


def make_venv() -> None:
    """Make the virtual environment, also where the distribution split off what `venv` needs for pip."""
    if is_done("venv", f"{sys.version} {ROOT}"):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    with step(f"virtual environment for Python {sys.version.split()[0]}"):
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], "the virtual environment")
            install_pip()
    mark_done("venv", f"{sys.version} {ROOT}")


def install_pip() -> None:
    """Put pip into an environment made without it, from its wheel on PyPI."""
    try:
        with urllib.request.urlopen("https://pypi.org/pypi/pip/json", timeout=30) as answer:
            files = json.load(answer)["urls"]
        wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
        with urllib.request.urlopen(wheel["url"], timeout=60) as answer:  # noqa: S310
            content = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise SetupError(f"pip cannot be fetched ({error}); install the package python3-venv") from None
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SetupError("pip's wheel arrived damaged; run it again")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / wheel["filename"]
        path.write_bytes(content)
        run([str(PYTHON), f"{path}/pip", "install", "--quiet", "--no-index", str(path)], "pip")


def install(requirements: str) -> None:
    """Install a requirements file, and those it includes, once per content."""
    sources = [ROOT / requirements, ROOT / "requirements-run.txt", ROOT / "layers/dependencies/requirements.txt"]
    content = "".join(source.read_text() for source in sources)
    if is_done(requirements, content):
        return
    with step(f"Python packages of {requirements}"):
        command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", requirements]
        run(command, f"the packages of {requirements}", quiet=True)
    mark_done(requirements, content)


def make_ministack() -> None:
    """Make the environment of the tests' stand-in for AWS, apart from ours as their pins do not agree."""
    content = sys.version + (ROOT / "requirements-ministack.txt").read_text()
    if is_done("ministack", content) and MINISTACK.is_dir():
        return
    shutil.rmtree(MINISTACK, ignore_errors=True)
    with step("MiniStack, for the tests of a deployment"):
        run([sys.executable, "-m", "venv", "--without-pip", str(MINISTACK)], "the environment of MiniStack")
        command = [str(PYTHON), "-m", "pip", "--python", str(MINISTACK / "bin" / "python"), "install", "--quiet"]
        run([*command, "--disable-pip-version-check", "-r", "requirements-ministack.txt"], "MiniStack", quiet=True)
    mark_done("ministack", content)


def build_dashboard() -> None:
    """Fetch the dashboard's packages and build it, once per content of its sources."""
    install_node(DASHBOARD, "npm", "the dashboard's packages")
    files = [*DASHBOARD.rglob("*"), *(ROOT / "docs").rglob("*.md")]
    sources = sorted(path for path in files if path.is_file() and not {"node_modules", "dist"} & set(path.parts))
    content = "".join(f"{path.relative_to(ROOT)}:{digest(path)}" for path in sources)
    if not is_done("dashboard", content) or not (DASHBOARD / "dist" / "index.html").is_file():
        with step("the dashboard"):
            run(["npm", "run", "--silent", "build"], "the dashboard", cwd=DASHBOARD, quiet=True)
        mark_done("dashboard", content)


def install_node(folder: Path, stamp: str, what: str) -> None:
    """Install what a folder's lock file names, once per content."""
    lock = (folder / "package-lock.json").read_text()
    if is_done(stamp, lock) and (folder / "node_modules").is_dir():
        return
    with step(what):
        run(
            ["npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"],
            what,
            cwd=folder,
            quiet=True,
        )
    mark_done(stamp, lock)


def is_done(name: str, content: str) -> bool:
    """Whether the step `name` was done for this very content."""
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == hashlib.sha256(content.encode()).hexdigest()


def mark_done(name: str, content: str) -> None:
    """Note that the step `name` was done for this content."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(hashlib.sha256(content.encode()).hexdigest())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(command: list[str], what: str, cwd: Path = ROOT, quiet: bool = False) -> None:
    """Run one command to its end. Raises SetupError with its last lines where it fails."""
    environ = {**os.environ, "PIP_NO_INPUT": "1"}
    done = subprocess.run(command, cwd=cwd, env=environ, text=True, capture_output=quiet, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout or "").splitlines()[-5:] + (done.stderr or "").splitlines()[-15:])
        raise SetupError(f"{what} could not be set up (exit code {done.returncode})\n{tail}")


class step:  # noqa: N801
    """Says what is being set up and how long it took: a line that fills while a terminal is there."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.started = time.monotonic()
        # Not among what a command such as `make export` writes.
        print(f"set up: {self.what} ...", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    def __exit__(self, kind: object, *_rest: object) -> None:
        word = "failed after" if kind else "done in"
        start = "\r" if sys.stderr.isatty() else ""
        print(f"{start}set up: {self.what}: {word} {time.monotonic() - self.started:.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
