"""One execution environment: a function's process under AWS's runtime client, its invocations, memory and end."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from local import processes
from local.account import ACCOUNT, REGION
from local.api_gateway.template import Function
from local.lambda_runtime.function_log import FunctionLog, append_to_log
from local.lambda_runtime.runtime_api import Invocation, RuntimeApi

INIT_TIMEOUT_S = 20.0
# What an ended process has written is in its log within this time.
_LOG_ENDS_S = 2.0
_MIB = 1024 * 1024

# On Linux a child ends with the thread that started it, and request threads end with their connections.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawn")


class FunctionFailed(Exception):
    """The function raised, died or could not be loaded; the text is its error type."""


class FunctionTimedOut(Exception):
    """The function exceeded its timeout and was ended."""


class Worker:
    """One execution environment."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path) -> None:
        self.function = function
        self.last_used = time.monotonic()
        self._ready = threading.Event()
        self._init_error: str | None = None
        self._api = RuntimeApi(self._ready.set, self._fail_init)
        self._current: Invocation | None = None
        self._log_path = log
        self._log = FunctionLog(log)
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        self.process = _SPAWNER.submit(_spawn, function, environment, self._log).result()
        self._api.admit(self.process.pid)
        self._measured = psutil.Process(self.process.pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def invoke(self, event: bytes) -> bytes:
        """Return the function's result. Raises FunctionFailed or FunctionTimedOut; after the latter this worker is gone."""
        if not self._ready.wait(INIT_TIMEOUT_S) or self._init_error:
            self.stop()
            raise FunctionFailed(self._init_error or "Sandbox.InitTimedOut")
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function.name}"
        invocation = Invocation(str(uuid.uuid4()), arn, event, self.function.timeout_s)
        self._current = invocation
        if self.process.poll() is not None:
            raise FunctionFailed("Runtime.ExitError")
        self._api.submit(invocation)
        is_done = invocation.is_done.wait(self.function.timeout_s)
        self.last_used = time.monotonic()
        if not is_done:
            self.stop()
            raise FunctionTimedOut(self.function.name)
        if invocation.answer is None:
            raise FunctionFailed(invocation.error or "Error")
        return invocation.answer

    @property
    def is_busy(self) -> bool:
        """Return whether an invocation is running or the handler is still loading."""
        current = self._current
        return not self._ready.is_set() or (current is not None and not current.is_done.is_set())

    def enforce_memory(self) -> None:
        """Kill the process if it uses more than the function's MemorySize, as Lambda does."""
        invocation = self._current
        try:
            used_bytes = self._measured.memory_info().rss
        except psutil.Error:
            return
        if used_bytes <= self.function.memory_mb * _MIB or self.process.poll() is not None:
            return
        self.process.kill()
        used_mb = -(-used_bytes // _MIB)
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            # The next request must not reach a process that is about to end.
            self.process.wait(5)
            self._log_end(f"{used_mb} MB of memory used, {self.function.memory_mb} MB are the function's MemorySize")
        if invocation is not None:
            invocation.finish(None, "Runtime.OutOfMemory")

    def is_alive(self) -> bool:
        """Return whether the process can accept another invocation."""
        return self.process.poll() is None and self._init_error is None

    def stop(self) -> None:
        """Kill the process, as Lambda ends an execution environment."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        self._log.finish(_LOG_ENDS_S)
        self._api.close()

    def _log_end(self, reason: str) -> None:
        """Write one line to the function's log, where Lambda reports the end of an environment."""
        line = {"level": "ERROR", "message": "the process was killed", "function": self.function.name, "reason": reason}
        self._log.finish(_LOG_ENDS_S)
        append_to_log(self._log_path, f"{json.dumps(line)}\n".encode())

    def _watch(self) -> None:
        self.process.wait()
        self._fail_init("Runtime.ExitError")
        if self._current is not None:
            self._current.finish(None, "Runtime.ExitError")

    def _fail_init(self, error: str) -> None:
        if not self._ready.is_set():
            self._init_error = error
            self._ready.set()


def _spawn(function: Function, environment: Mapping[str, str], log: FunctionLog) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [_find_interpreter(), "-S", "-s", "-m", "awslambdaric", function.handler],
            cwd=function.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log.write_end,
            stderr=log.write_end,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )
    finally:
        log.start()


def _find_interpreter() -> str:
    """Return the interpreter below the virtual environment, so that only packages of the layers are importable, as in Lambda."""
    return str(getattr(sys, "_base_executable", sys.executable))
