"""Starts the whole system as `make run` does, in its own process: for tests, benchmarks and screenshots."""

import contextlib
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

from local.processes import find_free_port

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 90


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
        """Return the first true value of `condition`; fail on timeout."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not come true within {timeout_s} s\n{self.read_logs()}"
            time.sleep(0.1)
        return found

    def read_logs(self) -> str:
        """Return the ends of all logs, for a failing test."""
        files = [self.output, *sorted((self.data_dir / "logs").glob("*.log"))]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files if file.is_file())


@contextlib.contextmanager
def running_system(
    cycle_s: float = 2, data_dir: Path | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[System]:
    """Start the system on free ports, and stop it as Ctrl-C does."""
    folder = data_dir or Path(tempfile.mkdtemp(prefix="callwatch-system-"))
    folder.mkdir(exist_ok=True)
    system = start(folder, cycle_s, environ)
    try:
        yield system
    finally:
        stop(system)
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, cycle_s: float = 2, environ: Mapping[str, str] | None = None) -> System:
    """Start it and wait until it is ready."""
    output = folder / "run.log"
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # Below the ephemeral ports of the kernel, any of which could be taken meanwhile.
    port = find_free_port(random.randint(15_000, 30_000))  # noqa: S311
    given = {"PORT": str(port), "DATA_DIR": str(folder), "CYCLE_S": str(cycle_s), "PYTHONPATH": "shared:."}
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
    return System(**json.loads(run_file.read_text()), data_dir=folder, process=process, output=output)


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
