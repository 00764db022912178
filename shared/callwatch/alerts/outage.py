"""An outage of PostgreSQL as it is remembered; apart from what tells of it, so that reading it costs no import."""

from typing import Any

from callwatch.alerts.memory import Memory

RULE_ID = "database_health"
LABELS = {"service": "database"}
MEMORY = Memory("callwatch-database-down.json")


def current_outage() -> dict[str, Any] | None:
    """The outage that is going on: since, reason, notices; None where there is none."""
    memory = MEMORY.load()
    return memory if memory.get("since") else None
