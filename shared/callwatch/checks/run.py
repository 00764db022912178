"""All checks at once inside one deadline; a probe that hangs, in DNS too, is left behind."""

import queue
import threading
import time

from callwatch.checks.registry import Check, checks_of
from callwatch.checks.verdict import Verdict
from callwatch.settings import Settings

DEADLINE_S = 3.0


def run_checks(settings: Settings, deadline_s: float = DEADLINE_S, only: set[str] | None = None) -> dict[str, Verdict]:
    """The verdict of each check by service; one that gave none in time is a time-out.

    Threads are daemons: a name server that hangs must hold up neither the answer nor the end of the process.
    """
    chosen = {name: check for name, check in checks_of(settings).items() if only is None or name in only}
    started = time.monotonic()
    answers: queue.SimpleQueue[tuple[str, Verdict]] = queue.SimpleQueue()
    for name, check in chosen.items():
        threading.Thread(target=_run, args=(name, check, settings, deadline_s, answers), daemon=True).start()
    found: dict[str, Verdict] = {}
    while len(found) < len(chosen):
        try:
            name, verdict = answers.get(timeout=max(0.0, started + deadline_s - time.monotonic()))
        except queue.Empty:
            break
        found[name] = verdict
    return {name: found.get(name, _too_late(name, deadline_s)) for name in chosen}


def _run(
    name: str, check: Check, settings: Settings, deadline_s: float, answers: "queue.SimpleQueue[tuple[str, Verdict]]"
) -> None:
    try:
        answers.put((name, check(settings, deadline_s)))
    except Exception:
        # A check that breaks says nothing about the service; that it broke is known, though.
        answers.put((name, Verdict("degraded", "error", None)))


def _too_late(name: str, deadline_s: float) -> Verdict:
    return Verdict("unhealthy" if name == "database" else "degraded", "timeout", round(deadline_s * 1000, 1))
