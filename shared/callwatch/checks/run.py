"""Runs all checks in parallel within one deadline; a probe that hangs, even in DNS, is abandoned."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from callwatch.checks.probe_result import ProbeResult
from callwatch.checks.registry import list_checks
from callwatch.deadline import run_within
from callwatch.settings import Settings

logger = logging.getLogger(__name__)

DEADLINE_S = 3.0
Task = Callable[[], Any]


def run_checks(settings: Settings, deadline_s: float = DEADLINE_S) -> dict[str, ProbeResult]:
    """Return each check's result by service; one without a result in time is a timeout."""
    tasks = build_check_tasks(settings, deadline_s)
    return collect_results(tasks, run_at_once(tasks, deadline_s))


def build_check_tasks(settings: Settings, deadline_s: float, only: set[str] | None = None) -> dict[str, Task]:
    """Return the tasks for `run_at_once` by service: all checks, or only some."""

    def build_task(check: Callable[[Settings, float], ProbeResult]) -> Task:
        return lambda: check(settings, deadline_s)

    return {name: build_task(check) for name, check in list_checks(settings).items() if only is None or name in only}


def run_at_once(tasks: Mapping[str, Task], deadline_s: float) -> dict[str, Any]:
    """Run tasks in parallel; returns what each returned or raised, by name, without those that are late."""
    found: dict[str, Any] = {}
    for name, ended in run_within(deadline_s, tasks):
        if ended.error is not None:
            # Without the error's message: if a header cannot hold a key, the message quotes the key.
            logger.warning("probe or read failed", extra={"task": name, "error": type(ended.error).__name__})
        found[name] = ended.value if ended.error is None else ended.error
    return found


def collect_results(services: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, ProbeResult]:
    """Return the result of each of `services` from what `run_at_once` found."""
    return {name: _convert_outcome(found[name]) if name in found else _build_late_result(name) for name in services}


def _convert_outcome(outcome: Any) -> ProbeResult:
    # A check that raises says nothing about the service, but its failure is known.
    return outcome if isinstance(outcome, ProbeResult) else ProbeResult("degraded", "error", None)


def _build_late_result(name: str) -> ProbeResult:
    return ProbeResult("unhealthy" if name == "database" else "degraded", "timeout", None)
