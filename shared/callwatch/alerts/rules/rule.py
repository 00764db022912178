"""A rule: which samples fire an alert, after how long, at what level, in which channels, and what inhibits it."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.alerts.rules.sanitize import clean_labels, clean_number, clean_text
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel, parse_channel
from callwatch.models.sample import Sample

MIN_COOLDOWN_MINUTES = 5
# The rule about a channel is not notified through that channel.
CHANNEL_BROKEN = "channel_broken"
_MAX_S = 7 * 86400
_MAX_TEXT = 1000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


class InvalidRule(ConfigurationError):
    """A field of a rule has an invalid value; `field` names it, `requirement` says what it must be."""

    def __init__(self, rule_id: object, field: str, requirement: str) -> None:
        super().__init__(f"rule {rule_id}: {field} {requirement}")
        self.field = field
        self.requirement = requirement


CHANNEL_LIST = "a list of " + ", ".join(AlertChannel) + ", or of names such as slack:ops"


@dataclass(frozen=True, slots=True)
class Condition:
    """A metric, a comparison and a threshold; with labels, only for samples that have them."""

    metric: str
    comparison: str
    threshold: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A Decimal keeps its value; AlertRule rejects what is no number, with the rule's name.
        number, _why = clean_number(self.threshold)
        if number is not None and not isinstance(self.threshold, int):
            object.__setattr__(self, "threshold", number)
        if isinstance(self.labels, Mapping):
            object.__setattr__(self, "labels", clean_labels(self.labels))

    def holds(self, value: float | None) -> bool:
        """Whether a known value meets it."""
        return value is not None and COMPARISONS[self.comparison](value, self.threshold)

    def concerns(self, sample: Sample) -> bool:
        """Whether it applies to a sample of its metric; an unknown sample only needs labels that do not contradict."""
        return _fits(self.labels, sample)

    def concerns_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether it applies to samples with these labels."""
        return all(labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule that inhibits another one while it fires.

    labels: only its alerts with these labels inhibit. where: it inhibits only alerts with these labels.
    same: labels in which both must agree. within_s: it inhibits only alerts that began at most so long before or after it; None:
    whenever they began.
    """

    rule_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    within_s: float | None = None

    def explains(self, cause: Mapping[str, str], effect: Mapping[str, str]) -> bool:
        """Whether an alert with the labels of `cause` inhibits one with those of `effect`."""
        return (
            all(cause.get(name) == value for name, value in self.labels.items())
            and all(effect.get(name) == value for name, value in self.where.items())
            and all(cause.get(name) == effect.get(name) for name in self.same)
        )


class MessageContext(dict[str, Any]):
    """The input of a rule's message function: value, threshold, labels, detail; by key or as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class AlertRule:
    """One rule. It fires if any of its conditions holds; each set of labels is a separate alert (except for `joined`).

    id, name: for programs and for people.
    conditions: what it evaluates; or `condition`, a callable without arguments that returns a truth value (a number is
    shown as the measured value, None means unknown) or raises (unknown).
    labels: only samples with these labels.
    for_s: how long it must hold before it fires. resolve_for_s: how long it must be clear before it resolves.
    message: a text, or a callable that gets a MessageContext; generated if omitted.
    depends_on: ids of rules, or Causes, that inhibit this one while they fire: it is then listed, but not sent.
    channels: kinds, or single ones of several of a kind such as "slack:ops". also: channels that are notified too if they are
    configured. runbook: the URL of your own page.
    joined: labels that distinguish samples but not alerts, such as the windows of a burn rate.
    announce: it is notified also where its cause, or what follows from it, was notified before.
    """

    id: str
    name: str
    level: AlertLevel
    channels: Sequence[str] = (AlertChannel.LOG,)
    conditions: Sequence[Condition] = ()
    condition: Callable[[], Any] | None = None
    message: str | Callable[[Any], str] | None = None
    cooldown_minutes: float = 30
    for_s: float = 0
    resolve_for_s: float = 0
    depends_on: Sequence[str | Cause] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    also: Sequence[str] = ()
    runbook: str | None = None
    joined: Sequence[str] = ()
    announce: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise InvalidRule(repr(self.id), "id", "must be 1 to 100 letters, digits and any of _ . : -")
        if not self.conditions and not callable(self.condition):
            raise InvalidRule(self.id, "conditions", "must not be empty, unless condition is callable")
        for condition in self.conditions:
            if condition.comparison not in COMPARISONS:
                raise InvalidRule(self.id, "comparison", f"must be one of {' '.join(COMPARISONS)}")
            if clean_number(condition.threshold)[0] is None:
                raise InvalidRule(self.id, "threshold", "must be a finite number")
        self._settle("level", lambda level: AlertLevel(level), "one of " + ", ".join(AlertLevel))
        for name in ("channels", "also"):
            self._settle(name, _parse_channels, CHANNEL_LIST)
        most = _MAX_S // 60
        self._settle(
            "cooldown_minutes", _build_number_reader(MIN_COOLDOWN_MINUTES, most), f"from {MIN_COOLDOWN_MINUTES} to {most:,}"
        )
        for name in ("for_s", "resolve_for_s"):
            self._settle(name, _build_number_reader(0, _MAX_S), f"seconds from 0 to {_MAX_S}")
        self._settle("depends_on", _parse_causes, "a list of rule ids, or of Causes with text labels")
        self._settle("labels", _clean_labels, "an object of texts")
        for name in ("name", "hint"):
            self._settle(name, _clean_text, "a text")
        if not callable(self.message):
            self._settle("message", lambda text: None if text is None else _clean_text(text), "a text, or a callable")

    def _settle(self, name: str, read: Callable[[Any], Any], requirement: str) -> None:
        try:
            object.__setattr__(self, name, read(getattr(self, name)))
        except (ValueError, TypeError, AttributeError):
            raise InvalidRule(self.id, name, f"must be {requirement}") from None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it evaluates."""
        return tuple(condition.metric for condition in self.conditions) or (name_custom_metric(self.id),)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The rules that inhibit it."""
        return tuple(Cause(cause) if isinstance(cause, str) else cause for cause in self.depends_on)

    def list_conditions(self) -> Sequence[Condition]:
        """Return its conditions; a callable one counts as a metric of its own, which is 0 if it does not hold."""
        return self.conditions or (Condition(name_custom_metric(self.id), "!=", 0.0),)

    def matches(self, sample: Sample) -> bool:
        """Whether the rule applies to a sample."""
        return sample.metric in self.metrics and self.fits(sample)

    def fits(self, sample: Sample) -> bool:
        """Whether the rule applies to a sample of one of its metrics; an unknown one only needs labels that do not contradict."""
        return _fits(self.labels, sample)

    def pick_labels(self, sample: Sample) -> Mapping[str, str]:
        """Return the labels of the alert that a sample belongs to."""
        return {name: value for name, value in sample.labels.items() if name not in self.joined}


def name_custom_metric(rule_id: str) -> str:
    """Return the metric that holds the outcome of a callable condition."""
    return f"custom.{rule_id}"


def _fits(labels: Mapping[str, str], sample: Sample) -> bool:
    """Whether a sample has these labels; one that is unknown as a whole has them all."""
    return all(sample.labels.get(name, value if sample.value is None else None) == value for name, value in labels.items())


def _parse_channels(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        raise TypeError
    return tuple(parse_channel(channel) for channel in given)


def _clean_text(given: Any) -> str:
    """Sanitize a text so that it can be stored: a bad character must not cost the alert."""
    if not isinstance(given, str):
        raise TypeError
    return clean_text(given, _MAX_TEXT)


def _clean_labels(given: Any) -> dict[str, str]:
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in given.items()):
        raise TypeError
    return clean_labels(given)


def _parse_causes(given: Any) -> tuple[str | Cause, ...]:
    if isinstance(given, str):
        raise TypeError
    found = tuple(given)
    for cause in found:
        if not isinstance(cause, str | Cause):
            raise TypeError
        if isinstance(cause, Cause):
            _clean_labels({**cause.labels, **cause.where, **dict.fromkeys(cause.same, "")})
    return found


def _build_number_reader(minimum: float, maximum: float) -> Callable[[Any], float]:
    def read(given: Any) -> float:
        if isinstance(given, bool) or not minimum <= float(given) <= maximum:
            raise ValueError
        return given if isinstance(given, int) else float(given)

    return read
