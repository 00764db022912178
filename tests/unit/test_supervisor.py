"""The supervisor restarts a dead process, with growing delays while it keeps dying, and reports once."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from local import supervisor
from local.restart_alert import Restart
from local.supervisor import Supervisor


class Mortal:
    """A process that dies on request, and whose next starts may fail."""

    name = "the thing"

    def __init__(self, failures: int = 0) -> None:
        self.status: int | None = None
        self.failures = failures
        self.started_at: list[float] = []

    def read_exit_status(self) -> int | None:
        return self.status

    def restart(self) -> Sequence[str]:
        self.started_at.append(time.monotonic())
        if len(self.started_at) <= self.failures:
            raise RuntimeError("the thing cannot start: no room")
        self.status = None
        return ["a note"]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"_POLL_S": 0.005, "_FIRST_PAUSE_S": 0.05, "_MAX_PAUSE_S": 0.4, "_REPORT_PAUSE_S": 0.05}.items():
        monkeypatch.setattr(supervisor, name, seconds)


class Watch:
    """A supervisor with its output and reports; `database_fails` times its report is rejected."""

    def __init__(self, process: Mortal, database_fails: int = 0) -> None:
        self.lines: list[str] = []
        self.reports: list[Restart] = []
        self._fails = database_fails
        self.supervisor = Supervisor([process], self.lines.append, self._report)
        self.supervisor.start()

    def _report(self, restart: Restart) -> None:
        if self._fails:
            self._fails -= 1
            raise ConnectionError
        self.reports.append(restart)


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(process: Mortal, database_fails: int = 0) -> Watch:
        made.append(Watch(process, database_fails))
        return made[-1]

    yield make
    for each in made:
        each.supervisor.stop()


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_death_is_one_restart_and_one_report(watch: Callable[..., Watch]) -> None:
    process = Mortal()
    found = watch(process)
    process.status = -9
    wait(lambda: found.reports)
    assert [(report.process, report.ended_with, report.tries) for report in found.reports] == [("the thing", "signal 9", 1)]
    assert found.reports[0].died_at <= found.reports[0].started_at
    assert found.lines[0] == "the thing ended (signal 9): it is started again"
    assert found.lines[1] == "a note"
    assert found.lines[2].startswith("the thing: up again after")


def test_failing_start_is_tried_with_growing_pauses(watch: Callable[..., Watch]) -> None:
    process = Mortal(failures=4)
    found = watch(process)
    process.status = 1
    wait(lambda: found.reports)
    pauses = [later - earlier for earlier, later in zip(process.started_at, process.started_at[1:], strict=False)]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.4), strict=True)] == [True] * 4
    assert found.reports[0].tries == 5
    assert sum("no room; the next try is in" in line for line in found.lines) == 4


def test_process_that_keeps_dying_is_not_started_in_a_loop(watch: Callable[..., Watch]) -> None:
    process = Mortal()
    watch(process)
    for _death in range(4):
        process.status = -6
        wait(lambda: process.status is None)
    pauses = [later - earlier for earlier, later in zip(process.started_at, process.started_at[1:], strict=False)]
    assert pauses[0] >= 0.1
    assert pauses[-1] >= 0.4


def test_report_waits_for_the_database(watch: Callable[..., Watch]) -> None:
    process = Mortal()
    found = watch(process, database_fails=3)
    process.status = -9
    wait(lambda: found.reports)
    assert len(found.reports) == 1
