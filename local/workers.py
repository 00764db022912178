"""Function processes: started when needed under AWS's runtime client, one invocation at a time in each."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psutil

from local import processes
from local.runtime_api import Invocation, RuntimeApi
from local.template import ACCOUNT, REGION, Function

INIT_TIMEOUT_S = 20.0
MOST_PROCESSES = 10
MAX_LOG_BYTES = 5_000_000
_IDLE_S = 600.0
_PATIENCE_S = 0.1


# Linux ends a child with the thread that started it, and the threads of requests end with their connections.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawn")


class FunctionFailed(Exception):
    """The function raised, died or could not be loaded; the text is its error type."""


class FunctionTimedOut(Exception):
    """The function ran past its Timeout and was ended."""


class Worker:
    """One execution environment."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path) -> None:
        self.function = function
        self.last_used = time.monotonic()
        self._ready = threading.Event()
        self._init_error: str | None = None
        self._api = RuntimeApi(self._ready.set, self._fail_init)
        self._current: Invocation | None = None
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        self.process = _SPAWNER.submit(_spawn, function, environment, log).result()
        threading.Thread(target=self._watch, daemon=True).start()

    def invoke(self, event: bytes) -> bytes:
        """The function's answer. Raises FunctionFailed or FunctionTimedOut; after the latter this worker is gone."""
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

    def is_alive(self) -> bool:
        """Whether the process can take another invocation."""
        return self.process.poll() is None and self._init_error is None

    def stop(self) -> None:
        """End the process, at once: an execution environment is never asked."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        self._api.close()

    def _watch(self) -> None:
        self.process.wait()
        self._fail_init("Runtime.ExitError")
        if self._current is not None:
            self._current.finish(None, "Runtime.ExitError")

    def _fail_init(self, error: str) -> None:
        if not self._ready.is_set():
            self._init_error = error
            self._ready.set()


class Workers:
    """The processes of all functions: started on demand, kept warm, ended when idle for long."""

    def __init__(self, functions: Mapping[str, Function], layers: list[Path], values: Mapping[str, str], logs: Path) -> None:
        self._functions = functions
        self._layers = layers
        self._values = values
        self._logs = logs
        self._idle: dict[str, list[Worker]] = {name: [] for name in functions}
        self._all: set[Worker] = set()
        self._counts = dict.fromkeys(functions, 0)
        self._changed = threading.Condition()
        logs.mkdir(parents=True, exist_ok=True)

    def invoke(self, name: str, event: bytes) -> bytes:
        """Invoke a function by its logical id, in an idle process or a new one. Raises as Worker.invoke does."""
        worker = self._take(name)
        try:
            return worker.invoke(event)
        finally:
            self._give_back(name, worker)

    def warm(self, names: list[str]) -> None:
        """Start processes ahead, so that the first requests meet warm ones."""
        for name in names:
            self._give_back(name, self._take(name))

    def pids(self) -> list[int]:
        """Pids of all processes that live."""
        with self._changed:
            return [worker.process.pid for worker in self._all if worker.is_alive()]

    def end_idle(self) -> None:
        """End what has been idle for ten minutes."""
        now = time.monotonic()
        with self._changed:
            old = [w for workers in self._idle.values() for w in workers if now - w.last_used > _IDLE_S]
            for worker in old:
                self._idle[worker.function.name].remove(worker)
                self._counts[worker.function.name] -= 1
                self._all.discard(worker)
        for worker in old:
            worker.stop()

    def stop(self) -> None:
        """End every process."""
        with self._changed:
            workers, self._all = list(self._all), set()
        for worker in workers:
            worker.stop()

    def _take(self, name: str) -> Worker:
        function = self._functions[name]
        most = min(MOST_PROCESSES, function.most_at_once or MOST_PROCESSES)
        with self._changed:
            if self._counts[name]:
                # A cold start costs this machine more than the wait for a process that is about to be free.
                self._changed.wait_for(lambda: bool(self._idle[name]), _PATIENCE_S)
            self._changed.wait_for(lambda: bool(self._idle[name]) or self._counts[name] < most)
            while self._idle[name]:
                worker = self._idle[name].pop()
                if worker.is_alive():
                    return worker
                self._forget(worker)
            self._counts[name] += 1
        try:
            worker = Worker(function, self._environment(function), self._logs / f"{name}.log")
        except BaseException:
            with self._changed:
                self._counts[name] -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._all.add(worker)
        return worker

    def _give_back(self, name: str, worker: Worker) -> None:
        with self._changed:
            if worker.is_alive():
                self._idle[name].append(worker)
            else:
                self._forget(worker)
            self._changed.notify_all()

    def _forget(self, worker: Worker) -> None:
        self._counts[worker.function.name] -= 1
        self._all.discard(worker)
        # Its server must not linger; the process is dead already.
        threading.Thread(target=worker.stop, daemon=True).start()

    def _environment(self, function: Function) -> dict[str, str]:
        """What Lambda would set, the template's variables, and nothing of our own environment."""
        layers = [str(path.resolve()) for path in self._layers]
        # As in Lambda, each function finds in /tmp only what it left there itself.
        scratch = (self._logs.parent / "tmp" / function.name).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        return {
            **function.environment,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(scratch),
            "PYTHONPATH": os.pathsep.join([*layers, str(function.code.resolve())]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(function.code.resolve()),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            **{name: value for name, value in self._values.items() if name.startswith("AWS_ENDPOINT_URL")},
        }


def end_leftovers(pid_file: Path) -> None:
    """End function processes that a killed gateway left; the kernel has usually done so."""
    if pid_file.is_file():
        for line in pid_file.read_text().splitlines():
            leftover = processes.find(line)
            if leftover is not None:
                processes.end(leftover, signal.SIGKILL, 2)


def note(pid_file: Path, pids: list[int]) -> None:
    """Keep the identities of our processes for the next start."""
    lines = []
    for pid in pids:
        try:
            lines.append(processes.identity(pid))
        except psutil.NoSuchProcess:
            continue
    pid_file.write_text("\n".join(lines))


def _spawn(function: Function, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with _open_log(log) as output:
        return subprocess.Popen(
            [_interpreter(), "-S", "-s", "-m", "awslambdaric", function.handler],
            cwd=function.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )


def _interpreter() -> str:
    """The interpreter below the virtual environment; without its site, only what the layers hold is there, as in Lambda."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _open_log(path: Path) -> IO[bytes]:
    if path.is_file() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
