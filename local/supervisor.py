"""Keeps the queue and PostgreSQL running: restarts a process that died, with backoff, and reports it.

The report goes to the console at once, and to the alerts and so to every channel as soon as the database accepts it. While
a process is down, health and the rules `queue_down` and `database_health` detect it themselves.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from local.postgres.server import RunningPostgres
from local.restart_alert import Restart
from local.sqs import server as queue
from local.sqs.server import RunningQueue

_POLL_S = 0.2
_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 30.0
# A process that stayed up this long restarts with the first delay again.
_STEADY_S = 60.0
_REPORT_PAUSE_S = 1.0


class Supervised(Protocol):
    """A process that can be restarted."""

    name: str

    def read_exit_status(self) -> int | None:
        """Return its exit status, or minus the signal that ended it; None while it runs."""

    def restart(self) -> Sequence[str]:
        """Restart it; return lines for people. Raises an exception whose text is one line."""


@dataclass(slots=True)
class _Outage:
    """One process that is down, or was a moment ago."""

    since: datetime
    ended_with: int
    pause_s: float = _FIRST_PAUSE_S
    next_try: float = 0.0
    tries: int = 0


class SupervisedQueue:
    """The local queue: restarted with the same address and access key, so that clients need no change."""

    name = "the queue"

    def __init__(self, running: RunningQueue, data_dir: Path) -> None:
        self.running = running
        self._data_dir = data_dir

    def read_exit_status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.running.process.poll()

    def restart(self) -> Sequence[str]:
        """Restart it with its stored messages. Raises QueueError."""
        port = int(self.running.endpoint_url.rpartition(":")[2])
        started = queue.start(self._data_dir, port, self.running.access_key)
        if started.endpoint_url != self.running.endpoint_url:
            started.stop()
            raise queue.QueueError(f"the queue cannot be started again: another program took port {port}")
        self.running = started
        return started.notes

    def stop(self) -> None:
        """End it; its messages remain."""
        self.running.stop()


class SupervisedPostgres:
    """The embedded PostgreSQL."""

    name = "PostgreSQL"

    def __init__(self, running: RunningPostgres) -> None:
        self._running = running

    def read_exit_status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._running.process.poll()

    def restart(self) -> Sequence[str]:
        """Restart it; it recovers committed data. Raises PostgresError."""
        self._running.restart()
        return ()


class Supervisor(threading.Thread):
    """Watches processes until stopped. Processes it starts end with this thread, so stop it after their users."""

    def __init__(self, processes: Sequence[Supervised], say: Callable[[str], None], report: Callable[[Restart], None]) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._processes = processes
        self._say = say
        self._report_restart = report
        self._is_stopped = threading.Event()
        self._outages: dict[str, _Outage] = {}
        self._steady_since: dict[str, tuple[float, float]] = {}
        self._unreported: list[Restart] = []

    def stop(self) -> None:
        """Stop watching: processes that die from now on stay down."""
        self._is_stopped.set()
        self.join(_MAX_PAUSE_S)

    def run(self) -> None:
        """Check each process several times per second."""
        while not self._is_stopped.wait(_POLL_S):
            for process in self._processes:
                self._look_at(process)
            self._report()

    def _look_at(self, process: Supervised) -> None:
        status = process.read_exit_status()
        if status is None:
            return
        outage = self._outages.get(process.name)
        if outage is None:
            outage = self._begin_outage(process.name, status)
        if time.monotonic() < outage.next_try:
            return
        outage.tries += 1
        try:
            lines = process.restart()
        except Exception as error:
            outage.pause_s = min(_MAX_PAUSE_S, outage.pause_s * 2)
            outage.next_try = time.monotonic() + outage.pause_s
            self._say(f"{error}; the next try is in {outage.pause_s:.0f} s")
            return
        for line in lines:
            self._say(line)
        ended_at = datetime.now(UTC)
        self._say(f"{process.name}: up again after {(ended_at - outage.since).total_seconds():.1f} s")
        self._unreported.append(Restart(process.name, _describe(status), outage.since, ended_at, outage.tries))
        self._steady_since[process.name] = (time.monotonic(), outage.pause_s)
        del self._outages[process.name]

    def _begin_outage(self, name: str, status: int) -> _Outage:
        """Restart at once, unless the process died soon after its last start."""
        outage = _Outage(datetime.now(UTC), status)
        started_at, pause_s = self._steady_since.get(name, (-_STEADY_S, 0.0))
        if time.monotonic() - started_at < _STEADY_S:
            outage.pause_s = min(_MAX_PAUSE_S, pause_s * 2)
            outage.next_try = time.monotonic() + outage.pause_s
        self._outages[name] = outage
        self._say(f"{name} ended ({_describe(status)}): it is started again")
        return outage

    def _report(self) -> None:
        """Write restarts to the alerts; repeat later what the database does not accept now."""
        while self._unreported and not self._outages:
            try:
                self._report_restart(self._unreported[0])
            except Exception:
                self._is_stopped.wait(_REPORT_PAUSE_S)
                return
            self._unreported.pop(0)


def _describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
