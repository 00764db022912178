"""The processes of all functions: their number, their availability, and their memory limit."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from local import processes
from local.account import REGION
from local.api_gateway.template import Function
from local.lambda_runtime.worker import FunctionFailed, FunctionTimedOut, Worker

__all__ = ["FunctionFailed", "FunctionTimedOut", "Workers", "end_leftovers", "note"]

# Poll interval for memory: a process that allocates 2 GB/s exceeds its limit by 40 MB in that time.
_MEMORY_POLL_S = 0.02
_IDLE_MEMORY_POLL_S = 1.0
MAX_PROCESSES = 10
_IDLE_S = 600.0
_PATIENCE_S = 0.1


class Workers:
    """The processes of all functions: started on demand, kept warm, ended after long idle times."""

    def __init__(self, functions: Mapping[str, Function], layers: list[Path], values: Mapping[str, str], logs: Path) -> None:
        self._functions = functions
        self._layers = layers
        self._values = values
        self._logs = logs
        self._idle: dict[str, list[Worker]] = {name: [] for name in functions}
        self._all: set[Worker] = set()
        self._counts = dict.fromkeys(functions, 0)
        self._changed = threading.Condition()
        self._is_stopped = threading.Event()
        self._invocations = 0
        self._begun = threading.Event()
        logs.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._enforce_memory, daemon=True).start()

    def invoke(self, name: str, event: bytes) -> bytes:
        """Invoke a function by its logical id, in an idle or a new process. Raises as Worker.invoke does."""
        with self._changed:
            self._invocations += 1
        self._begun.set()
        try:
            worker = self._take(name)
            try:
                return worker.invoke(event)
            finally:
                self._give_back(name, worker)
        finally:
            with self._changed:
                self._invocations -= 1

    def start_in_advance(self, names: list[str]) -> None:
        """Start processes in advance, so that the first requests find them warm."""
        for name in names:
            self._give_back(name, self._take(name))

    def use(self, functions: Mapping[str, Function]) -> None:
        """Take the same functions with another configuration: idle processes end now, busy ones after their invocation."""
        with self._changed:
            self._functions = functions
            for name, idle in self._idle.items():
                self._idle[name] = [worker for worker in idle if worker.function == functions[name]]
                for worker in idle:
                    if worker.function != functions[name]:
                        self._forget(worker)
            self._changed.notify_all()

    def list_pids(self) -> list[int]:
        """Return the pids of all live processes."""
        with self._changed:
            return [worker.process.pid for worker in self._all if worker.is_alive()]

    def end_idle(self) -> None:
        """End processes that have been idle for ten minutes."""
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
        self._is_stopped.set()
        self._begun.set()
        with self._changed:
            workers, self._all = list(self._all), set()
        for worker in workers:
            worker.stop()

    def _enforce_memory(self) -> None:
        """Check busy processes often, and idle ones once a second, because their threads can still allocate."""
        idle_at = 0.0
        while not self._is_stopped.is_set():
            now = time.monotonic()
            is_idle_due = now >= idle_at
            if is_idle_due:
                idle_at = now + _IDLE_MEMORY_POLL_S
            with self._changed:
                busy = [worker for worker in self._all if worker.is_busy]
                workers = list(self._all) if is_idle_due else busy
                is_working = bool(busy) or self._invocations > 0
                if not is_working:
                    self._begun.clear()
            for worker in workers:
                worker.enforce_memory()
            # An idle system that looks 50 times a second uses 2 % of a processor for nothing.
            if is_working:
                self._is_stopped.wait(_MEMORY_POLL_S)
            else:
                self._begun.wait(max(0.0, idle_at - time.monotonic()))

    def _take(self, name: str) -> Worker:
        function = self._functions[name]
        most = min(MAX_PROCESSES, function.most_at_once or MAX_PROCESSES)
        with self._changed:
            if self._counts[name]:
                # A cold start costs more than waiting for a process that is about to become idle.
                self._changed.wait_for(lambda: bool(self._idle[name]), _PATIENCE_S)
            self._changed.wait_for(lambda: bool(self._idle[name]) or self._counts[name] < most)
            while self._idle[name]:
                worker = self._idle[name].pop()
                if worker.is_alive():
                    return worker
                self._forget(worker)
            self._counts[name] += 1
        try:
            worker = Worker(function, self._build_environment(function), self._logs / f"{name}.log")
        except BaseException:
            with self._changed:
                self._counts[name] -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._all.add(worker)
        self._begun.set()
        return worker

    def _give_back(self, name: str, worker: Worker) -> None:
        with self._changed:
            if worker.is_alive() and worker.function == self._functions[name]:
                self._idle[name].append(worker)
            else:
                self._forget(worker)
            self._changed.notify_all()

    def _forget(self, worker: Worker) -> None:
        self._counts[worker.function.name] -= 1
        self._all.discard(worker)
        # Its server closes too; a process that is not dead yet is killed.
        threading.Thread(target=worker.stop, daemon=True).start()

    def _build_environment(self, function: Function) -> dict[str, str]:
        """Return Lambda's variables and the template's, without our own environment."""
        layers = [str(path.resolve()) for path in self._layers]
        # As in Lambda, /tmp of a function contains only its own files.
        scratch = (self._logs.parent / "tmp" / function.name).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        return {
            **function.environment,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(scratch),
            "PYTHONPATH": os.pathsep.join([*layers, str(function.code.resolve())]),
            "LAMBDA_TASK_ROOT": str(function.code.resolve()),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self._values.get("AWS_ACCESS_KEY_ID", "local"),
            "AWS_SECRET_ACCESS_KEY": "local",
            **{name: value for name, value in self._values.items() if name.startswith("AWS_ENDPOINT_URL")},
        }


def end_leftovers(pid_file: Path) -> None:
    """End function processes that a killed gateway left behind; usually the kernel has already done so."""
    if pid_file.is_file():
        for line in pid_file.read_text().splitlines():
            leftover = processes.find(line)
            if leftover is not None:
                processes.end(leftover, signal.SIGKILL, 2)


def note(pid_file: Path, pids: list[int]) -> None:
    """Write the identities of our processes for the next start, atomically."""
    lines = []
    for pid in pids:
        try:
            lines.append(processes.identify_process(pid))
        except psutil.NoSuchProcess:
            continue
    part = pid_file.with_suffix(".part")
    part.write_text("\n".join(lines))
    part.replace(pid_file)
