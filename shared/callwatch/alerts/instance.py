"""What the judgement knows: where one rule stands for one set of labels, mutes, and what an evaluation changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

State = Literal["ok", "pending", "firing", "unknown"]
Notice = Literal["firing", "flapping", "reminder", "resolved"]


@dataclass(frozen=True, slots=True)
class Instance:
    """Where one rule stands for one set of labels.

    since: when the present state began. clear_since: since when a firing one is clear, waiting for its time.
    value, threshold, metric, comparison, detail: what it was last judged by. reason: why its value is unknown.
    began_at: when what is wrong began. is_notified: its firing was told, and its all-clear is owed.
    is_unknown: its facts are missing now; a firing one fires on. has_seen: its value was known at least once.
    is_muted: a silence held back a word that is owed when it ends. fired: when it fired within the last hour.
    """

    key: str
    rule_id: str
    labels: Mapping[str, str]
    state: State
    since: datetime
    clear_since: datetime | None = None
    value: float | None = None
    threshold: float | None = None
    metric: str | None = None
    comparison: str | None = None
    detail: str | None = None
    reason: str | None = None
    began_at: datetime | None = None
    is_notified: bool = False
    is_acknowledged: bool = False
    is_flapping: bool = False
    is_unknown: bool = False
    is_muted: bool = False
    has_seen: bool = False
    suppressed_by: str | None = None
    last_notified_at: datetime | None = None
    last_cleared_at: datetime | None = None
    fired: tuple[datetime, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its span is not over: it was told and its all-clear was not, or the next spell may come any minute."""
        return self.is_notified or self.is_flapping


@dataclass(frozen=True, slots=True)
class Silence:
    """A person's mute: what it matches; only active ones are given to evaluate."""

    rule_id: str | None = None
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, instance: Instance) -> bool:
        """Whether it mutes this instance."""
        if self.rule_id not in (None, instance.rule_id):
            return False
        if self.service not in (None, instance.labels.get("service")):
            return False
        return all(instance.labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an instance: a transition, a notification, or both.

    is_reopened: it fires again while its last span is open, so that span goes on.
    """

    instance: Instance
    transition: Literal["firing", "resolved"] | None = None
    notify: Notice | None = None
    is_reopened: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All instances as they stand now, what changed, and which follow from which (key of the effect to that of its cause)."""

    instances: dict[str, Instance]
    changes: list[Change]
    causes: dict[str, str] = field(default_factory=dict)


def instance_key(rule_id: str, labels: Mapping[str, str]) -> str:
    """What names an instance: the rule and its labels; no two sets of labels share one."""
    return _escaped(rule_id) + "".join(f"|{_escaped(name)}={_escaped(labels[name])}" for name in sorted(labels))


def elapsed(since: datetime, now: datetime) -> timedelta:
    """Time passed; none where the clock went back."""
    return max(timedelta(0), now - since)


def not_after(instance: Instance, now: datetime) -> Instance:
    """The instance with no time that lies ahead: after a clock went back, waits begin anew and none lasts for ever."""
    names = ("since", "clear_since", "began_at", "last_notified_at", "last_cleared_at")
    moved: dict[str, Any] = {name: now for name in names if (at := getattr(instance, name)) is not None and at > now}
    if any(at > now for at in instance.fired):
        moved["fired"] = tuple(min(at, now) for at in instance.fired)
    return replace(instance, **moved) if moved else instance


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("=", "\\=")
