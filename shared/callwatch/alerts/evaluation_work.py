"""The working state of storing one evaluation; a part that fails costs only its instance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from callwatch.alerts.evaluation.instance import Instance, Outcome
from callwatch.alerts.evaluation.silences import Silence
from callwatch.alerts.guarded_writes import is_data_fault, run_guarded
from callwatch.alerts.routing.escalation import DueEscalations
from callwatch.alerts.routing.routes_in_force import RoutesInForce
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.core.connect import AnyConnection
from callwatch.settings import Settings

T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """The input of one evaluation, and what storing its outcome needs.

    stored: instances by key as their rows hold them, without damaged rows. rule_ids: ids of the rules to evaluate;
    is_whole: all of them. failed: rules of which a function of the host fails. broken: instances (by key) that could not be
    stored, and why. skipped: those of the present round. followers: key of a cause to the keys that it inhibits.
    escalations: steps that are due. routes: those in force.
    """

    conn: AnyConnection
    now: datetime
    settings: Settings
    rules: Mapping[str, AlertRule]
    known: Mapping[str, Instance]
    stored: Mapping[str, Instance]
    stored_ids: Mapping[str, int | None]
    rule_ids: set[str]
    is_whole: bool
    silences: Sequence[Silence]
    failed: dict[str, str]
    routes: RoutesInForce = field(default_factory=RoutesInForce)
    broken: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    errors: list[Exception] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome({}, []))
    alert_ids: dict[str, int | None] = field(default_factory=dict)
    followers: dict[str, list[str]] = field(default_factory=dict)
    escalations: DueEscalations = field(default_factory=DueEscalations)

    def begin_round(self, outcome: Outcome) -> None:
        """Start a round of storing an outcome."""
        self.outcome = outcome
        self.skipped = set()
        self.alert_ids = dict(self.stored_ids)
        self.followers = {}
        for effect, cause in outcome.causes.items():
            found = outcome.instances.get(effect)
            if found is not None and found.suppressed_by is not None:
                self.followers.setdefault(cause, []).append(effect)

    def is_changed(self, key: str) -> bool:
        """Whether an instance differs from its stored row."""
        stored = self.stored.get(key)
        return stored is None or self.outcome.instances[key] != stored or self.alert_ids.get(key) != self.stored_ids.get(key)

    def give_up(self, key: str, error: Exception) -> None:
        """Record that an instance cannot be stored in this round."""
        self.skipped.add(key)
        self.broken.setdefault(key, f"it could not be stored ({type(error).__name__})")
        self.errors.append(error)


def keep_one(work: Work, key: str, write: Callable[[], None]) -> None:
    """Store a part of an instance, unless another part of it failed; a failure costs only this instance."""
    if key not in work.skipped:
        _none, error = run_guarded(work.conn, write)
        if error is not None:
            work.give_up(key, error)


def build_one(work: Work, key: str, build: Callable[[], T]) -> T | None:
    """Build a part of an instance, which writes nothing; None if that fails, which costs only this instance."""
    if key in work.skipped:
        return None
    try:
        return build()
    except Exception as error:
        if not is_data_fault(error):
            raise
        work.give_up(key, error)
        return None
