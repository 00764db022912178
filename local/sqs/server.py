"""The local queue: SQS's JSON protocol, as boto3 speaks it, with messages that survive a kill and a power cut.

It is its own process: `python -m local.sqs.server --data-dir DIR --port PORT`, on 127.0.0.1 unless --host is given. It
serves clients with its access key, which is a secret of each run.
"""

import argparse
import contextlib
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from local import processes
from local.account import ACCOUNT, REGION
from local.private_file import write_private
from local.sqs.clock import BEAT_S
from local.sqs.http_server import QueueServer
from local.sqs.operations import Operations
from local.sqs.repair import repair_if_damaged
from local.sqs.store import QueueStore

__all__ = ["ACCOUNT", "REGION", "QueueError", "RunningQueue", "read_access_key", "start"]

ACCESS_KEY_VARIABLE = "LOCAL_QUEUE_ACCESS_KEY"
_FILE = "queue.sqlite3"
_START_TIMEOUT_S = 15


class QueueError(Exception):
    """The queue cannot be started; the text is one line with the remedy."""


@dataclass(slots=True)
class RunningQueue:
    """A running queue server; `notes` are lines for people about its start."""

    endpoint_url: str
    access_key: str
    process: subprocess.Popen[bytes]
    notes: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        """Return the pid of the server."""
        return self.process.pid

    def stop(self) -> None:
        """End the server; its messages remain."""
        if self.process.poll() is None:
            processes.end(psutil.Process(self.process.pid), signal.SIGTERM, 5)
        self.process.wait(5)


def start(data_dir: Path, port: int = 0, access_key: str | None = None) -> RunningQueue:
    """Start the server that keeps its messages under `data_dir`; end a leftover of a killed run first.

    access_key: clients must send it; generated if not given. Raises QueueError.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    pid_file, port_file, log_file = (data_dir / f"queue.{end}" for end in ("pid", "port", "log"))
    leftover = processes.find(processes.read_note(pid_file))
    if leftover is not None:
        processes.end(leftover, signal.SIGTERM, 5)
    known_port = processes.read_note(port_file)
    access_key = access_key or secrets.token_hex(16)
    try:
        note = repair_if_damaged(data_dir / _FILE)
        write_private(_locate_key_file(data_dir), access_key)
        # Another program may take a free port before the server does: then it starts on another one.
        for preferred in (port or (int(known_port) if re.fullmatch(r"[0-9]{1,5}", known_port) else 0), 0):
            found_port = processes.find_free_port(preferred)
            port_file.write_text(str(found_port))
            process = _spawn(data_dir, found_port, access_key, log_file)
            pid_file.write_text(processes.identify_process(process.pid))
            if _is_up(process, found_port):
                return RunningQueue(_build_url(found_port), access_key, process, (note,) if note else ())
    except (OSError, sqlite3.Error, psutil.Error) as error:
        raise QueueError(f"the local queue cannot be set up: {error}") from None
    lines = log_file.read_text(errors="replace").splitlines()[-1:] or ["no message"]
    raise QueueError(f"the local queue did not start: {lines[0]} ({log_file})")


def read_access_key(data_dir: Path) -> str:
    """Return the access key of the queue that runs on a data folder. Raises FileNotFoundError if none ran there."""
    return _locate_key_file(data_dir).read_text().strip()


def _locate_key_file(data_dir: Path) -> Path:
    return data_dir / "queue.key"


def _spawn(data_dir: Path, port: int, access_key: str, log_file: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "local.sqs.server", "--data-dir", str(data_dir.resolve()), "--port", str(port)]
    root = Path(__file__).resolve().parents[2]
    with log_file.open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=root,
            # Not an argument: every user of the machine can list those.
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(root), ACCESS_KEY_VARIABLE: access_key},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )


def _build_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _is_up(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers; False if it ended instead, or does not answer in time."""
    processes.wait_until(lambda: process.poll() is not None or _answers(_build_url(port)), _START_TIMEOUT_S, 0.03)
    if process.poll() is None and _answers(_build_url(port)):
        return True
    process.kill()
    process.wait(5)
    return False


def _answers(endpoint_url: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint_url, timeout=1):  # noqa: S310
            return True
    except OSError:
        return False


def _read_template_queues(template: Path) -> dict[str, dict[str, str]]:
    # SAM's translator is imported only if needed: `make run` creates its queues itself, and so starts faster.
    from local.api_gateway.template import load

    return {name: dict(attributes) for name, attributes in load(template, {}, {}).queues.items()}


def _beat(store: QueueStore, is_over: threading.Event) -> None:
    while not is_over.wait(BEAT_S):
        store.beat()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="queue",
        description="SQS's protocol over SQLite, for one machine.",
        epilog=f"Who names the access key in {ACCESS_KEY_VARIABLE} is served; without that variable one is made up and"
        " written to queue.key in the data folder.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that keeps the messages")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--template", type=Path, help="make the queues of this SAM template")
    args = parser.parse_args()
    args.data_dir.mkdir(parents=True, exist_ok=True)
    access_key = os.environ.get(ACCESS_KEY_VARIABLE)
    if not access_key:
        access_key = secrets.token_hex(16)
        write_private(_locate_key_file(args.data_dir), access_key)
    store = QueueStore(args.data_dir / _FILE)
    for name, attributes in (_read_template_queues(args.template) if args.template else {}).items():
        store.create(name, attributes)
    server = QueueServer((args.host, args.port), Operations(store, f"http://{args.host}:{args.port}"), access_key)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    is_over = threading.Event()
    threading.Thread(target=_beat, args=(store, is_over), daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    is_over.set()
    server.server_close()
    with contextlib.suppress(sqlite3.Error):
        store.close()
    return server.exit_status


if __name__ == "__main__":
    sys.exit(main())
