"""The state of one rule for one set of labels, and the results of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal

from callwatch.models.alert import EndReason
from callwatch.models.reason import Reason

State = Literal["ok", "pending", "firing", "unknown"]
# Why an instance is notified: it fires, flaps, still fires, its level rose, a channel was added, nobody took it, it resolved.
NotifyReason = Literal["firing", "flapping", "reminder", "raised", "added", "escalated", "resolved"]


@dataclass(frozen=True, slots=True)
class Instance:
    """The state of one rule for one set of labels.

    since: start of the present state. clear_since: since when a firing instance is clear, until `resolve_for` has passed.
    value, threshold, metric, comparison, detail: of the last evaluation. reason: why the value is unknown.
    began_at: when the problem began. is_notified: a notification of its firing was sent and its all-clear is due.
    is_unknown: its samples are missing now; a firing instance keeps firing. has_seen: its value was known at least once.
    is_muted: a silence held back a notification, which is due when it ends. fired: when it fired within the last hour.
    notified_channels: channels that were notified and are due the all-clear; None: not recorded. notified_level: level of
    the last notification. group: name of its notification group; without a notification, the group that owes its mention.
    held: until when its notification waits. weight: of the last sample, not stored.
    gone_since: since when a firing instance is not reported by a source that was read. ended, ended_why: how its last span ended,
    unless it recovered.
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
    reason: Reason | None = None
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
    notified_channels: tuple[str, ...] | None = ()
    notified_level: str | None = None
    group: str | None = None
    held: str | None = None
    weight: float = field(default=0.0, compare=False)
    fired: tuple[datetime, ...] = ()
    gone_since: datetime | None = None
    ended: EndReason | None = None
    ended_why: str | None = None

    def change(self, **changes: Any) -> "Instance":
        """Return a copy with other values, in a third of the time of dataclasses.replace: a cycle makes tens of thousands."""
        changed: Instance = object.__new__(Instance)
        for name, value in zip(_NAMES, _read_all(self), strict=True):
            object.__setattr__(changed, name, value)
        for name, value in changes.items():
            object.__setattr__(changed, name, value)
        return changed

    @property
    def is_open(self) -> bool:
        """Whether its span is open: its all-clear was not sent, or it flaps and may fire again any minute."""
        return self.is_notified or self.is_flapping


_NAMES = tuple(each.name for each in fields(Instance))
_read_all = attrgetter(*_NAMES)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an instance: a transition, a due notification, or both.

    is_reopened: it fires again while its last span is open, so that span continues. notify: the due notification; the
    instance is as it was before that notification.
    """

    instance: Instance
    transition: Literal["firing", "resolved"] | None = None
    notify: NotifyReason | None = None
    is_reopened: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """One notification to send, about one alert or several.

    by_channel: the keys of the instances that each channel is notified of, the worst first. over: those that are clear.
    group: name of the notification group; None: a single alert, or a digest of several. lead: key of the alert that was
    notified alone until now, and under whose id the group goes on.
    """

    kind: NotifyReason
    by_channel: Mapping[str, tuple[str, ...]]
    keys: tuple[str, ...]
    over: frozenset[str] = frozenset()
    group: str | None = None
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All instances after the evaluation, the changes, the planned notifications and the inhibitions.

    causes: key of an inhibited instance to the key of its cause. above: to the keys of all its causes, the root first.
    failed: rules that could not be evaluated completely, and why. errors: the exceptions that were raised.
    """

    instances: dict[str, Instance]
    changes: list[Change]
    planned: list[Planned] = field(default_factory=list)
    causes: dict[str, str] = field(default_factory=dict)
    above: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)


def build_instance_key(rule_id: str, labels: Mapping[str, str]) -> str:
    """Build the unique key of an instance from its rule and labels."""
    return _escape(rule_id) + "".join(f"|{_escape(name)}={_escape(labels[name])}" for name in sorted(labels))


def measure_elapsed(since: datetime, now: datetime) -> timedelta:
    """Return the time passed; zero if the clock went back."""
    return max(timedelta(0), now - since)


def limit_times(instance: Instance, now: datetime) -> Instance:
    """Move times that lie ahead to `now`: after a clock went back, waiting periods restart and none lasts forever."""
    names = ("since", "clear_since", "began_at", "last_notified_at", "last_cleared_at", "gone_since")
    moved: dict[str, Any] = {name: now for name in names if (at := getattr(instance, name)) is not None and at > now}
    if any(at > now for at in instance.fired):
        moved["fired"] = tuple(min(at, now) for at in instance.fired)
    return instance.change(**moved) if moved else instance


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("=", "\\=")
