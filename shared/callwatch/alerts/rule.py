"""A rule: which facts are an alert, how soon, how loud, where told, and what it follows from."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.facts import Fact

MIN_COOLDOWN_MINUTES = 5
# The rule that tells of a channel is not told through that channel.
CHANNEL_BROKEN = "channel_broken"
_MOST_S = 7 * 86400
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A metric held against a threshold; with labels, only for facts that carry them."""

    metric: str
    comparison: str
    threshold: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def holds(self, value: float | None) -> bool:
        """Whether a known value meets it."""
        return value is not None and COMPARISONS[self.comparison](value, self.threshold)

    def concerns(self, fact: Fact) -> bool:
        """Whether a fact of its metric is one it judges; an unknown one is where its labels do not say otherwise."""
        return _fits(self.labels, fact)

    def concerns_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether facts with these labels are."""
        return all(labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule that explains another one while it fires.

    labels: only its alerts that carry these. where: it explains only alerts that carry these.
    same: labels in which both must agree.
    """

    rule_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    same: tuple[str, ...] = ()

    def explains(self, cause: Mapping[str, str], effect: Mapping[str, str]) -> bool:
        """Whether an alert with the labels of `cause` explains one with those of `effect`."""
        return (
            all(cause.get(name) == value for name, value in self.labels.items())
            and all(effect.get(name) == value for name, value in self.where.items())
            and all(cause.get(name) == effect.get(name) for name in self.same)
        )


class MessageContext(dict[str, Any]):
    """What a rule's message is made of: value, threshold, labels, detail; by key or as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class AlertRule:
    """One rule. Any one of its conditions is enough; each set of labels is an alert of its own (`joined` aside).

    id, name: who it is, for programs and for people.
    conditions: what is judged; or `condition`, a callable without arguments that returns a truth value (a number is
    shown as the measured value, None means unknown) or raises (unknown).
    labels: only facts that carry these.
    for_s: how long it must hold before it fires. resolve_for_s: how long it must be clear before it resolves.
    message: a text, or a callable that gets a MessageContext; made up where left out.
    depends_on: ids of rules, or Causes, whose firing explains this one: it is then listed, and not sent.
    also: channels that get it too where they are configured. runbook: the URL of a page of your own.
    joined: labels that tell facts apart and no alerts, as the windows of a burn rate.
    """

    id: str
    name: str
    level: AlertLevel
    channels: Sequence[AlertChannel] = (AlertChannel.LOG,)
    conditions: Sequence[Condition] = ()
    condition: Callable[[], Any] | None = None
    message: str | Callable[[Any], str] | None = None
    cooldown_minutes: float = 30
    for_s: float = 0
    resolve_for_s: float = 0
    depends_on: Sequence[str | Cause] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    also: Sequence[AlertChannel] = ()
    runbook: str | None = None
    joined: Sequence[str] = ()

    def __post_init__(self) -> None:
        where = f"rule {self.id}: "
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise ConfigurationError("a rule's id takes 1 to 100 letters, digits and any of _ . : -")
        if not self.conditions and not callable(self.condition):
            raise ConfigurationError(f"{where}it takes conditions, or a condition that can be called")
        for condition in self.conditions:
            if condition.comparison not in COMPARISONS:
                raise ConfigurationError(f"{where}comparison takes one of {' '.join(COMPARISONS)}")
            if not math.isfinite(condition.threshold):
                raise ConfigurationError(f"{where}threshold takes a finite number")
        self._settle("level", lambda level: AlertLevel(level), "one of " + ", ".join(AlertLevel))
        for name in ("channels", "also"):
            self._settle(name, _channels, "a list of " + ", ".join(AlertChannel))
        self._settle("cooldown_minutes", _number(MIN_COOLDOWN_MINUTES, _MOST_S / 60), f"{MIN_COOLDOWN_MINUTES} or more")
        for name in ("for_s", "resolve_for_s"):
            self._settle(name, _number(0, _MOST_S), f"seconds from 0 to {_MOST_S}")
        self._settle("depends_on", tuple, "a list of rules")

    def _settle(self, name: str, read: Callable[[Any], Any], takes: str) -> None:
        try:
            object.__setattr__(self, name, read(getattr(self, name)))
        except (ValueError, TypeError):
            raise ConfigurationError(f"rule {self.id}: {name} takes {takes}") from None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it is judged by."""
        return tuple(condition.metric for condition in self.conditions) or (custom_metric(self.id),)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What it follows from."""
        return tuple(Cause(cause) if isinstance(cause, str) else cause for cause in self.depends_on)

    def all_conditions(self) -> Sequence[Condition]:
        """Its conditions; a callable one is judged as a fact of its own, 0 where it does not hold."""
        return self.conditions or (Condition(custom_metric(self.id), "!=", 0.0),)

    def matches(self, fact: Fact) -> bool:
        """Whether a fact is this rule's."""
        return fact.metric in self.metrics and _fits(self.labels, fact)

    def labels_of(self, fact: Fact) -> Mapping[str, str]:
        """The labels of the alert that a fact of this rule is about."""
        return {name: value for name, value in fact.labels.items() if name not in self.joined}


def custom_metric(rule_id: str) -> str:
    """The metric under which a callable condition's outcome is stated."""
    return f"custom.{rule_id}"


def _fits(labels: Mapping[str, str], fact: Fact) -> bool:
    """Whether a fact carries these labels; one that is unknown as a whole is unknown of those too."""
    return all(fact.labels.get(name, value if fact.value is None else None) == value for name, value in labels.items())


def _channels(given: Any) -> tuple[AlertChannel, ...]:
    if isinstance(given, str):
        raise TypeError
    return tuple(AlertChannel(channel) for channel in given)


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(given: Any) -> float:
        if isinstance(given, bool) or not least <= float(given) <= most:
            raise ValueError
        return given if isinstance(given, int) else float(given)

    return read
