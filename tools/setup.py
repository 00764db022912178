"""Sets up what a bare machine lacks: the virtual environment, its packages, the built dashboard.

Runs on the machine's own Python with the standard library alone. Each step is stamped with a hash of
what it was made from, so that a second run finds nothing to do.
"""

import argparse
import compileall
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MINISTACK = ROOT / ".venv-ministack"
STAMPS = VENV / "stamps"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
DASHBOARD = ROOT / "dashboard"
# Not functions/: its files are the bundle as they are.
COMPILED = ("shared/callwatch", "local", "simulator", "tools")


class SetupError(Exception):
    """A step failed; the text is one line with the remedy."""


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
        build_dashboard(purpose)
        compile_sources()
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
    """Make the virtual environment. pip comes later, as one package of the locks: `venv` needs ten times as long with it."""
    if is_done("venv", f"{sys.version} {ROOT}"):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    with step(f"virtual environment for Python {sys.version.split()[0]}"):
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], "the virtual environment")
    mark_done("venv", f"{sys.version} {ROOT}")


def find_pip() -> str:
    """The path of a pip that runs without being installed: in the wheel that comes with Python, or in PyPI's."""
    kept = STAMPS / "pip.whl"
    wheels = [wheel for folder in _list_wheel_folders() for wheel in sorted(folder.glob("pip-*.whl"))]
    if not wheels and not kept.is_file():
        content = fetch_pip()
        STAMPS.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)
    return f"{wheels[0] if wheels else kept}/pip"


def _list_wheel_folders() -> list[Path]:
    """Where Python keeps the wheels of `venv`; a distribution names a folder of its own, or splits them off."""
    module = importlib.util.find_spec("ensurepip")
    folders = [Path(module.origin).parent / "_bundled"] if module and module.origin else []
    return [*folders, Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels")]


def fetch_pip() -> bytes:
    """The wheel of pip on PyPI, for a distribution that split it off. Raises SetupError."""
    try:
        with urllib.request.urlopen("https://pypi.org/pypi/pip/json", timeout=30) as answer:
            files = json.load(answer)["urls"]
        wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
        with urllib.request.urlopen(wheel["url"], timeout=60) as answer:  # noqa: S310
            content: bytes = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise SetupError(f"pip cannot be fetched ({error}); install the package python3-venv") from None
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SetupError("pip's wheel arrived damaged; run it again")
    return content


def install(requirements: str) -> None:
    """Install a requirements file, and those it includes, once per content."""
    sources = [ROOT / requirements, ROOT / "requirements-run.txt", ROOT / "layers/dependencies/requirements.txt"]
    content = "".join(source.read_text() for source in sources)
    if is_done(requirements, content):
        return
    install_uv()
    with step(f"Python packages of {requirements}"):
        install_packages(PYTHON, requirements)
    mark_done(requirements, content)


def install_uv() -> None:
    """Put the installer into the environment; where it has no wheel for this machine, pip installs everything."""
    content = (ROOT / "requirements-setup.txt").read_text()
    if is_done("uv", content):
        return
    with step("the installer"):
        command = [str(PYTHON), find_pip(), "install", "--disable-pip-version-check", "--quiet", "--only-binary=:all:"]
        done = subprocess.run([*command, "-r", "requirements-setup.txt"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print("set up: uv cannot be installed here, so pip installs the packages", file=sys.stderr)
    mark_done("uv", content)


def install_packages(python: Path, requirements: str) -> None:
    """Install a locked file into the environment of an interpreter: by uv, or by pip where uv fails."""
    what = f"the packages of {requirements}"
    if UV.is_file():
        # Compiled at once, as pip does: the programs run without writing bytecode, and would compile at each start.
        # The system's certificates include that of a company's proxy.
        command = [str(UV), "pip", "install", "--system-certs", "--python", str(python), "--require-hashes", "--compile-bytecode"]
        # On a terminal uv shows its own progress.
        if is_successful([*command, "-r", requirements], shows=sys.stderr.isatty()):
            return
        print(f"set up: uv could not install {what}, so pip tries", file=sys.stderr)
    command = [str(python), find_pip(), "install", "--disable-pip-version-check", "--quiet"]
    run([*command, "-r", requirements], what, quiet=True)


def is_successful(command: list[str], shows: bool) -> bool:
    """Run an installer whose failure something else makes up for; shows: let its progress through."""
    environ = {**os.environ}
    # uv does not read pip's configuration.
    if "PIP_INDEX_URL" in environ:
        environ.setdefault("UV_DEFAULT_INDEX", environ["PIP_INDEX_URL"])
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=not shows, text=True, check=False)
    return done.returncode == 0


def make_ministack() -> None:
    """Make the environment of the tests' stand-in for AWS, apart from ours as their pins do not agree."""
    content = sys.version + (ROOT / "requirements-ministack.txt").read_text()
    if is_done("ministack", content) and MINISTACK.is_dir():
        return
    shutil.rmtree(MINISTACK, ignore_errors=True)
    with step("MiniStack, for the tests of a deployment"):
        run([sys.executable, "-m", "venv", "--without-pip", str(MINISTACK)], "the environment of MiniStack")
        install_packages(MINISTACK / "bin" / "python", "requirements-ministack.txt")
    mark_done("ministack", content)


def build_dashboard(purpose: str) -> None:
    """Fetch the dashboard's packages and build it, once per content of its sources."""
    install_node(DASHBOARD, "npm", "the dashboard's packages", purpose)
    files = [*DASHBOARD.rglob("*"), *(ROOT / "docs").rglob("*.md")]
    sources = sorted(path for path in files if path.is_file() and not {"node_modules", "dist"} & set(path.parts))
    content = "".join(f"{path.relative_to(ROOT)}:{digest(path)}" for path in sources)
    if not is_done("dashboard", content) or not (DASHBOARD / "dist" / "index.html").is_file():
        with step("the dashboard"):
            run(["npm", "run", "--silent", "build"], "the dashboard", cwd=DASHBOARD, quiet=True)
        mark_done("dashboard", content)


def install_node(folder: Path, stamp: str, what: str, purpose: str = "dev") -> None:
    """Install what a folder's lock file names, once per content; `run` leaves out the tools of tests and linters."""
    lock = (folder / "package-lock.json").read_text()
    # What serves development serves a run, but not the other way round.
    is_installed = is_done(stamp, f"dev {lock}") or (purpose == "run" and is_done(stamp, f"run {lock}"))
    if is_installed and (folder / "node_modules").is_dir():
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
    with step(what):
        run([*command, "--include=dev" if purpose == "dev" else "--omit=dev"], what, cwd=folder, quiet=True)
    mark_done(stamp, f"{purpose} {lock}")


def compile_sources() -> None:
    """Compile our own modules, as far as they changed: functions run without writing bytecode, like Lambda's.

    Without it each process that starts compiles all that it imports, which is half of a function's cold start.
    """
    for folder in COMPILED:
        # A file that cannot be compiled, or a folder that cannot be written to, is the business of those who import it.
        compileall.compile_dir(ROOT / folder, quiet=2)


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
