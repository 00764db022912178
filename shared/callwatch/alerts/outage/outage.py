"""The kinds of outages, which are notified without the outbox, and what is remembered of one; light to import."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from callwatch.alerts.evaluation.instance import build_instance_key
from callwatch.alerts.outage.memory import Memory
from callwatch.alerts.outage.records import OutageRecord, Remembered


@dataclass(frozen=True)
class Outage:
    """One kind of outage: its rule, the file of its memory, its texts in the timeline, the metric of its value and threshold."""

    rule_id: str
    file_name: str
    began: str
    ended: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of its rule's instance."""
        return build_instance_key(self.rule_id, self.labels)


# Cycles in a row without evaluation: one may be momentary; after two, nothing was evaluated for a minute or more.
NOTIFY_FROM = 2
RULE_ID = "database_health"
LABELS = {"service": "database"}
DATABASE = Outage(
    RULE_ID,
    "callwatch-database-down.json",
    "the database did not respond",
    "the database responds again",
    "service.status",
    LABELS,
)
EVALUATION = Outage(
    "evaluation_stopped",
    "callwatch-evaluation-stopped.json",
    "no rule was evaluated",
    "rules are evaluated again",
    "monitor.missed_evaluations",
)
KINDS = (DATABASE, EVALUATION)
_ID = re.compile(rf"({'|'.join(kind.rule_id for kind in KINDS)}):([0-9TZ:.+-]+)")
_TIMES = ("since", "last_told_at", "muted_until", "ended_at", "first_missed_at")


class OutageMemory(Memory):
    """What is remembered of an outage of one kind: since, reason, notices; empty if there is none."""

    def __init__(self, kind: Outage) -> None:
        super().__init__(kind.file_name)
        self.kind = kind

    def load_remembered(self) -> Remembered:
        """Return a copy of what is remembered, of an outage or after one; empty if it is unreadable."""
        content = self.load()
        return cast(Remembered, content) if _is_sound(content) else {}

    def find_current(self) -> OutageRecord | None:
        """Return the outage that is not over; None if there is none."""
        content = self.load_remembered()
        return cast(OutageRecord, content) if content.get("since") else None


def build_outage_id(since: str, kind: Outage = DATABASE) -> str:
    """Return the alert's id in every message: the rule, and the start of the outage."""
    return f"{kind.rule_id}:{since}"


def build_outage_key(since: str, kind: Outage = DATABASE) -> str:
    """Return the key under which the row of an outage is written."""
    return f"{kind.key}|outage={since}"


def find_outage_key(alert_id: str) -> str | None:
    """Return the key of the outage with this id in messages; None for the id of any other alert."""
    found = _ID.fullmatch(alert_id)
    return build_outage_key(found[2], next(kind for kind in KINDS if kind.rule_id == found[1])) if found else None


def _is_sound(content: Mapping[str, Any]) -> bool:
    """Whether a memory is as it was saved: a full disk or a person may have damaged it, which must not stop its readers."""
    try:
        times = [datetime.fromisoformat(content[name]) for name in _TIMES if content.get(name)]
        shares = [share for notice in content.get("notices", []) for share in notice["channels"].values()]
        times += [datetime.fromisoformat(share["next_at"]) for share in shares]
        times += [datetime.fromisoformat(notice["at"]) for notice in content.get("notices", [])]
        has_all = not content.get("since") or {"reason", "notices"} <= content.keys()
        return has_all and all(at.tzinfo is not None for at in times)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
