"""An outage of PostgreSQL as it is remembered; apart from what tells of it, so that reading it costs no import."""

import re
from typing import Any

from callwatch.alerts.instance import instance_key
from callwatch.alerts.memory import Memory

RULE_ID = "database_health"
LABELS = {"service": "database"}
MEMORY = Memory("callwatch-database-down.json")
_ID = re.compile(rf"{RULE_ID}:([0-9TZ:.+-]+)")


def outage_id(since: str) -> str:
    """The alert's id in every message: the rule, and the start of the outage."""
    return f"{RULE_ID}:{since}"


def outage_key(since: str) -> str:
    """The key under which the row of an outage is written."""
    return f"{instance_key(RULE_ID, LABELS)}|outage={since}"


def key_of_id(alert_id: str) -> str | None:
    """The key of the outage that messages gave this id; None for the id of any other alert."""
    found = _ID.fullmatch(alert_id)
    return outage_key(found[1]) if found else None


def current_outage() -> dict[str, Any] | None:
    """The outage that is going on: since, reason, notices; None where there is none."""
    memory = MEMORY.load()
    return memory if memory.get("since") else None
