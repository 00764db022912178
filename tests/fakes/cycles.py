"""Cycles of the monitor in this process, and what they leave behind."""

from datetime import datetime
from typing import Any

from callwatch.db import connection, fetch_all
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.steps import steps_with


def cycle(now: datetime) -> dict[str, Any]:
    """The report of one whole cycle, as of a time."""
    return run_cycle(steps_with(list), now, 50)


def states() -> dict[str, str]:
    """Where each rule stands, by its id."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT rule_id, state FROM callwatch.rule_states")
    return {row["rule_id"]: row["state"] for row in rows}
