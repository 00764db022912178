"""Child processes that end with this process, and safe cleanup of those that an earlier run left behind."""

import ctypes
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """Return a function for a child to run first, so that the kernel ends it when its parent dies.

    None if the kernel cannot do so (macOS): the next start cleans up instead.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, with_signal)


def find_free_port(preferred: int = 0) -> int:
    """Return `preferred` if it is free on loopback, otherwise any free port."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def identify_process(pid: int) -> str:
    """Return pid and start time of a process: together they are unique, whereas a pid alone may be reused."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def read_note(path: Path) -> str:
    """Read a small file that a run left for the next one; empty if missing or not text."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def find(known_identity: str) -> psutil.Process | None:
    """Return the process of an identity if it still runs; never another one with the same pid."""
    try:
        pid, started = known_identity.split()
        process = psutil.Process(int(pid))
        is_same = abs(process.create_time() - float(started)) < 0.05
    except (ValueError, OverflowError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None


def end(process: psutil.Process, first: signal.Signals = signal.SIGTERM, patience_s: float = 10.0) -> None:
    """Ask a process to end, and kill it after `patience_s`."""
    try:
        process.send_signal(first)
        process.wait(patience_s)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        return


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.02) -> bool:
    """Return whether `condition` became true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
