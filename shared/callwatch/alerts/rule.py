"""A rule: which facts are an alert, how soon, how loud, where told, and what it follows from."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.facts import Fact

MIN_COOLDOWN_MINUTES = 5
# The rule that tells of a channel is not told through that channel.
CHANNEL_BROKEN = "channel_broken"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A metric held against a threshold."""

    metric: str
    comparison: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether a known value meets it."""
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True)
class AlertRule:
    """One rule. Any one of its conditions is enough; each set of labels is an alert of its own.

    id, name: who it is, for programs and for people.
    conditions: what is judged; or `condition`, a callable without arguments that returns a truth value or raises.
    labels: only facts that carry these.
    for_s: how long it must hold before it fires. resolve_for_s: how long it must be clear before it resolves.
    message: a text, or a callable that gets {"value", "threshold", "labels"}; made up where left out.
    depends_on: ids of rules whose firing explains this one: it is then listed, and not sent.
    """

    id: str
    name: str
    level: AlertLevel
    channels: tuple[AlertChannel, ...] | list[AlertChannel] = (AlertChannel.LOG,)
    conditions: tuple[Condition, ...] = ()
    condition: Callable[[], Any] | None = None
    message: str | Callable[[dict[str, Any]], str] | None = None
    cooldown_minutes: float = 30
    for_s: float = 0
    resolve_for_s: float = 0
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""

    def __post_init__(self) -> None:
        if not self.conditions and self.condition is None:
            raise ConfigurationError(f"rule {self.id}: it takes conditions, or a condition")
        if self.cooldown_minutes < MIN_COOLDOWN_MINUTES:
            raise ConfigurationError(f"rule {self.id}: cooldown_minutes takes {MIN_COOLDOWN_MINUTES} or more")
        for condition in self.conditions:
            if condition.comparison not in COMPARISONS:
                raise ConfigurationError(f"rule {self.id}: comparison takes one of {' '.join(COMPARISONS)}")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it is judged by."""
        return tuple(condition.metric for condition in self.conditions) or (custom_metric(self.id),)

    def all_conditions(self) -> tuple[Condition, ...]:
        """Its conditions; a callable one is judged as a fact of its own that is 1 or 0."""
        return self.conditions or (Condition(custom_metric(self.id), ">=", 1.0),)

    def matches(self, fact: Fact) -> bool:
        """Whether a fact is this rule's."""
        return fact.metric in self.metrics and all(fact.labels.get(name) == value for name, value in self.labels.items())


def custom_metric(rule_id: str) -> str:
    """The metric under which a callable condition's outcome is stated."""
    return f"custom.{rule_id}"
