"""Compares the digest of Bugsink, a peer, with ours on the same events: from received messages to grouped, counted rows.

Bugsink is installed from PyPI into an environment of its own. It receives all events while nothing digests them; then its
workers start, and the time until the last event is in its database is measured.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import requests

from bench._database import own_database
from bench._results import build_figure, write_results
from bench.digest import build_messages, flush_rate
from local.processes import find_free_port, wait_until

ROOT = Path(__file__).resolve().parents[1]
VERSION = "2.6.2"
PEER_EVENTS = 300
OUR_EVENTS = 6_000
_PATIENCE_S = 180
_MAKE_PROJECT = (
    "from teams.models import Team; from projects.models import Project;"
    " made = Project.objects.create(name='bench', team=Team.objects.create(name='bench')); print(made.id, made.sentry_key.hex)"
)


def main() -> None:
    """Print both rates and their ratio."""
    programs = install()
    peer = measure_peer_rate(programs)
    ours = measure_our_rate()
    print(f"Bugsink {VERSION}         {peer:>8,.0f} events/s digested ({PEER_EVENTS} events)")
    print(f"Callwatch              {ours:>8,.0f} events/s digested ({OUR_EVENTS:,} events)")
    print(f"ratio                  {ours / peer:>8,.0f} times (at least 45)")
    write_results("bugsink", [build_figure("Bugsink", peer, "events/s"), build_figure("Callwatch", ours, "events/s")])


def install() -> Path:
    """Return the folder of the peer's programs; install them if they are missing."""
    home = ROOT / ".build" / f"bugsink-{VERSION}"
    if not (home / "bin" / "bugsink-manage").is_file():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, f"bugsink=={VERSION}"], check=True)
    return home / "bin"


def measure_peer_rate(programs: Path) -> float:
    """Return the events per second that Bugsink digests with its default settings and four workers."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True)
        return done.stdout

    try:
        port = find_free_port()
        run("bugsink-create-conf", "--template=singleserver", "--host=127.0.0.1", f"--port={port}", f"--base-dir={folder}")
        run("bugsink-manage", "migrate")
        run("bugsink-manage", "migrate", "--database=snappea")
        project, key = run("bugsink-manage", "shell", "-c", _MAKE_PROJECT).split()[-2:]
        with ExitStack() as stack:
            server = ["gunicorn", "--workers=2", f"--bind=127.0.0.1:{port}", "--access-logfile=/dev/null", "bugsink.wsgi"]
            stack.enter_context(running(server, folder, environ))
            send(f"http://127.0.0.1:{port}/api/{project}/envelope/?sentry_key={key}")
            stack.enter_context(running(["bugsink-runsnappea"], folder, environ))
            wait_until(lambda: count_digested(folder) > 0, _PATIENCE_S)
            # The start of its workers is not counted: measured is the time from the first stored event to the last.
            first, started = count_digested(folder), time.perf_counter()
            if not wait_until(lambda: count_digested(folder) >= PEER_EVENTS, _PATIENCE_S):
                raise RuntimeError(f"Bugsink digested {count_digested(folder)} of {PEER_EVENTS} events in {_PATIENCE_S} s")
            return (PEER_EVENTS - first) / (time.perf_counter() - started)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def send(url: str) -> None:
    """Send the events to the peer as envelopes."""
    for body in build_messages(PEER_EVENTS, 0):
        event = as_sentry(json.loads(body)["event"])
        lines = [json.dumps({"event_id": event["event_id"]}), json.dumps({"type": "event"}), json.dumps(event)]
        headers = {"content-type": "application/x-sentry-envelope", "x-forwarded-proto": "https"}
        requests.post(url, "\n".join(lines).encode(), headers=headers, timeout=30).raise_for_status()


def as_sentry(event: Mapping[str, object]) -> dict[str, object]:
    """Convert one of our events to the shape that Sentry SDKs send."""
    exception = {"type": event["type"], "value": event["message"], "stacktrace": {"frames": event["frames"]}}
    return {
        "event_id": uuid.uuid4().hex,
        "timestamp": event["occurred_at"],
        "platform": "python",
        "level": "error",
        "environment": event["environment"],
        "exception": {"values": [exception]},
        "breadcrumbs": {"values": event.get("breadcrumbs") or []},
        "extra": event.get("context") or {},
    }


def count_digested(folder: Path) -> int:
    """Count the events in the peer's database."""
    with closing(sqlite3.connect(f"file:{folder}/db.sqlite3?mode=ro", uri=True, timeout=10)) as database:
        return int(database.execute("SELECT count(*) FROM events_event").fetchone()[0])


def measure_our_rate() -> float:
    """Return the events per second of our flush into an embedded PostgreSQL."""
    with own_database():
        flush_rate(build_messages(1_000, 1))
        return flush_rate(build_messages(OUR_EVENTS, 2))


@contextmanager
def running(command: list[str], folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Run a program of the peer during the block."""
    program = str(shutil.which(command[0], path=environ["PATH"]))
    process = subprocess.Popen(
        [program, *command[1:]], cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


if __name__ == "__main__":
    main()
