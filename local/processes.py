"""Child processes that do not outlive us, and leftovers of an earlier run that are certainly ours."""

import ctypes
import signal
import socket
import sys
import time
from collections.abc import Callable

import psutil

_PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """What a child runs before its program starts, so that the kernel ends it when its parent dies.

    None where the kernel cannot do so (macOS): there, the next start cleans up.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, with_signal)


def free_port(preferred: int = 0) -> int:
    """`preferred` where it is free on loopback, else any free port."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def identity(pid: int) -> str:
    """Pid and start time of a process: together they name it for good, where a pid alone may be used again."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def find(known_identity: str) -> psutil.Process | None:
    """The process of an identity, if it still runs; never a stranger that got its pid."""
    try:
        pid, started = known_identity.split()
        process = psutil.Process(int(pid))
        is_same = abs(process.create_time() - float(started)) < 0.05
    except (ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None


def end(process: psutil.Process, first: signal.Signals = signal.SIGTERM, patience_s: float = 10.0) -> None:
    """Ask a process to end, and kill it where it has not after `patience_s`."""
    try:
        process.send_signal(first)
        process.wait(patience_s)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        return


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.02) -> bool:
    """Whether `condition` came true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
