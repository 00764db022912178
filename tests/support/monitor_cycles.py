"""Runs cycles of the monitor in this process, and reads their results."""

from datetime import datetime

from callwatch.db import connection, fetch_all
from callwatch.monitor.cycle import CycleReport, run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps


class Monitor:
    """The monitor of the running test: what it remembers between cycles; `restart` is a new process of it."""

    def __init__(self) -> None:
        self.state = MonitorState()

    def restart(self) -> None:
        """Forget what only the process remembers; files stay."""
        self.state = MonitorState()

    def forget(self) -> None:
        """Forget everything, files included."""
        for memory in self.state.outages:
            memory.file.unlink(missing_ok=True)
        self.restart()


MONITOR = Monitor()


def cycle(now: datetime, budget_s: float = 50) -> CycleReport:
    """Return the report of one whole cycle at a given time."""
    return run_cycle(build_steps(list), MONITOR.state, now, budget_s)


def states() -> dict[str, str]:
    """Return the state of each rule by its id."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT rule_id, state FROM callwatch.rule_states")
    return {row["rule_id"]: row["state"] for row in rows}
