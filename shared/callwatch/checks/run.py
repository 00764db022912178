"""All checks at once inside one deadline; a probe that hangs, in DNS too, is left behind."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from callwatch.checks.registry import checks_of
from callwatch.checks.verdict import Verdict
from callwatch.settings import Settings

logger = logging.getLogger(__name__)

DEADLINE_S = 3.0
Task = Callable[[], Any]


def run_checks(settings: Settings, deadline_s: float = DEADLINE_S) -> dict[str, Verdict]:
    """The verdict of each check by service; one that gave none in time is a time-out."""
    tasks = check_tasks(settings, deadline_s)
    return verdicts_of(tasks, at_once(tasks, deadline_s))


def check_tasks(settings: Settings, deadline_s: float, only: set[str] | None = None) -> dict[str, Task]:
    """What `at_once` is to run, by service: all checks, or some."""

    def task(check: Callable[[Settings, float], Verdict]) -> Task:
        return lambda: check(settings, deadline_s)

    return {name: task(check) for name, check in checks_of(settings).items() if only is None or name in only}


def at_once(tasks: Mapping[str, Task], deadline_s: float) -> dict[str, Any]:
    """Run tasks side by side; what each returned or raised, by name. Those that are late are left out.

    Threads are daemons: a name server that hangs must hold up neither the answer nor the end of the process.
    """
    deadline = time.monotonic() + deadline_s
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    for name, task in tasks.items():
        threading.Thread(target=_run, args=(name, task, answers), daemon=True).start()
    found: dict[str, Any] = {}
    while len(found) < len(tasks):
        try:
            name, outcome = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = outcome
    return found


def verdicts_of(services: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Verdict]:
    """The verdict on each of `services` from what `at_once` found."""
    return {name: _verdict(found[name]) if name in found else _too_late(name) for name in services}


def _run(name: str, task: Task, answers: "queue.SimpleQueue[tuple[str, Any]]") -> None:
    try:
        answers.put((name, task()))
    except Exception as error:
        # Without its message: that of a key which no header can hold quotes the key.
        logger.warning("probe or read failed", extra={"task": name, "error": type(error).__name__})
        answers.put((name, error))


def _verdict(outcome: Any) -> Verdict:
    # A check that breaks says nothing about the service; that it broke is known, though.
    return outcome if isinstance(outcome, Verdict) else Verdict("degraded", "error", None)


def _too_late(name: str) -> Verdict:
    return Verdict("unhealthy" if name == "database" else "degraded", "timeout", None)
