"""Starts the whole system as `make run` does, in its own process: for tests, benchmarks and screenshots."""

import atexit
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.postgres import files
from local.processes import find_free_port

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 90
# An idle cycle costs 0.2 s of a processor: between two questions of a test it is for nobody.
_ON_DEMAND_CYCLE_S = 60.0
_DEMAND_S = 1.0


@dataclass
class System:
    """A running system: its address and its tokens."""

    url: str
    admin_token: str
    viewer_token: str
    ingest_key: str
    dsn: str
    database_url: str
    pid: int
    data_dir: Path
    process: subprocess.Popen[str]
    output: Path
    is_on_demand: bool = False

    def call(
        self, method: str, path: str, token: str | None = "", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Send one request; return status, body (JSON if it is JSON), headers in lower case. token "": the admin's."""
        sent = dict(headers or {})
        bearer = self.admin_token if token == "" else token
        if bearer:
            sent["authorization"] = f"Bearer {bearer}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("content-type", "application/json")
        request = urllib.request.Request(self.url + path, data=raw, method=method, headers=sent)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310
                status, content, found = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            status, content, found = error.code, error.read(), error.headers
        lower = {name.lower(): value for name, value in found.items()}
        is_json = "json" in lower.get("content-type", "")
        return status, json.loads(content) if is_json and content else content.decode(errors="replace"), lower

    def get(self, path: str, token: str | None = "") -> Any:
        """Return the body of a GET that must succeed."""
        status, body, _headers = self.call("GET", path, token)
        assert status == 200, (path, status, body)
        return body

    def wait_until(self, condition: Callable[[], Any], timeout_s: float = 60, what: str = "the condition") -> Any:
        """Return the first true value of `condition`; fail on timeout. A system on demand runs cycles meanwhile."""
        deadline = time.monotonic() + timeout_s
        demanded_at = -_DEMAND_S
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not come true within {timeout_s} s\n{self.read_logs()}"
            if self.is_on_demand and time.monotonic() - demanded_at >= _DEMAND_S:
                demanded_at = time.monotonic()
                self.run_cycle()
            time.sleep(0.1)
        return found

    def run_cycle(self) -> None:
        """Start a cycle of the monitor now, or as soon as the current one ends; nothing once the system has ended."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGUSR1)

    def read_logs(self) -> str:
        """Return the ends of all logs, for a failing test."""
        files = [self.output, *sorted((self.data_dir / "logs").glob("*.log"))]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files if file.is_file())


@contextlib.contextmanager
def running_system(
    cycle_s: float | None = 2, data_dir: Path | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[System]:
    """Start the system on free ports, and stop it as Ctrl-C does. cycle_s None: on demand, as `start` says."""
    folder = data_dir or Path(tempfile.mkdtemp(prefix="callwatch-system-"))
    folder.mkdir(exist_ok=True)
    if data_dir is None and "DATABASE_URL" not in (environ or {}):
        _bring_cluster(folder)
    system = start(folder, cycle_s, environ)
    try:
        yield system
    finally:
        stop(system)
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def _bring_cluster(folder: Path) -> None:
    """Copy an empty cluster to a new data folder: its start then skips initdb, which costs a second of a processor."""
    if files.find_home(folder) != folder / "postgres":
        return
    made = _make_cluster()
    # Owners and modes stay: as root, PostgreSQL runs as another user.
    copied = [str(made / name) for name in ("postgres", "postgres.password")]
    subprocess.run(["cp", "-a", *copied, str(folder)], check=True)


@functools.cache
def _make_cluster() -> Path:
    """Return a data folder with an empty cluster and its password, kept as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-cluster-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = files.find_home(folder)
    files.make_cluster(files.find_binaries(home), home, files.read_password(folder, home))
    return folder


def start(folder: Path, cycle_s: float | None = 2, environ: Mapping[str, str] | None = None) -> System:
    """Start it and wait until it is ready.

    cycle_s None: on demand; cycles run each minute, as for users, and while `wait_until` waits.
    """
    output = folder / "run.log"
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # Below the ephemeral ports of the kernel, any of which could be taken meanwhile.
    port = find_free_port(random.randint(15_000, 30_000))  # noqa: S311
    given = {"PORT": str(port), "DATA_DIR": str(folder), "CYCLE_S": str(cycle_s or _ON_DEMAND_CYCLE_S), "PYTHONPATH": "shared:."}
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.run"],
            cwd=ROOT,
            env={**clean, **given, **(environ or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    run_file = folder / "run.json"
    while not _is_ready(run_file, process.pid):
        assert process.poll() is None, f"the system ended at its start:\n{output.read_text()}"
        assert time.monotonic() < deadline, f"the system did not start:\n{output.read_text()}"
        time.sleep(0.05)
    facts = json.loads(run_file.read_text())
    return System(**facts, data_dir=folder, process=process, output=output, is_on_demand=cycle_s is None)


def _is_ready(run_file: Path, pid: int) -> bool:
    # A file of an earlier, killed run may still be there, and a damaged one until the start replaces it.
    try:
        return bool(json.loads(run_file.read_text())["pid"] == pid)
    except (OSError, ValueError):
        return False


def stop(system: System) -> None:
    """Stop it as Ctrl-C does, and wait for its end."""
    if system.process.poll() is None:
        system.process.send_signal(signal.SIGINT)
        try:
            # PostgreSQL alone may take 20 s for its last checkpoint on a busy disk.
            system.process.wait(60)
        except subprocess.TimeoutExpired:
            system.process.kill()
            system.process.wait(5)
            raise
