"""What an evaluation is given besides rules, samples and states, and the failures that it collects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silence
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules.sample_index import SampleIndex
from callwatch.models.alert import AlertLevel
from callwatch.models.reason import Reason

Channels = Callable[[AlertRule, Instance], Sequence[str]]
REMIND_AFTER = timedelta(hours=1)
# Prefix of every metric.
EVERYTHING = ("",)


def list_own_channels(rule: AlertRule, _instance: Instance) -> Sequence[str]:
    """Return the channels that a rule names, configured or not."""
    return [str(channel) for channel in dict.fromkeys((*rule.channels, *rule.also))]


@dataclass(frozen=True, slots=True)
class Handling:
    """How an instance is notified.

    group: alerts with the same name here are one notification. wait: how long the first notification waits for further
    alerts of the group. repeat: after how long it is repeated until somebody takes it; None: never. quiet_until: nothing is
    sent before then. is_collected: it waits for a digest instead of being notified.
    """

    group: str | None = None
    wait: timedelta = timedelta(0)
    repeat: timedelta | None = None
    quiet_until: datetime | None = None
    is_collected: bool = False


def handle_by_level(rule: AlertRule, _instance: Instance) -> Handling:
    """Return how an instance is notified where no route says otherwise: critical ones repeat each hour, or each cooldown."""
    cooldown = timedelta(minutes=rule.cooldown_minutes)
    return Handling(repeat=max(REMIND_AFTER, cooldown) if rule.level == AlertLevel.CRITICAL else None)


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is known of the subjects of alerts: the stages, services, routes and others that their labels name.

    lasting: prefixes of metrics whose sources have a sample of each subject that exists, good or bad. passing: of metrics whose
    subjects the product names, which come and go. find_unwatched: why the settings watch a metric with these labels no longer;
    None if they do. doubtful: prefixes of metrics whose settings are invalid, so that nobody can tell what they name.
    """

    lasting: Sequence[str] = ()
    passing: Sequence[str] = ()
    find_unwatched: Callable[[str, Mapping[str, str]], str | None] = lambda _metric, _labels: None
    doubtful: Sequence[str] = ()


_NO_SUBJECTS = Subjects()


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one evaluation.

    unread: prefixes of metrics whose source could not be read this time; their absence is unknown. complete: prefixes of
    metrics whose list of samples is complete: an instance missing from such a list is clear, while a firing instance that is
    missing from any other list keeps firing. rule_ids: ids of the rules to evaluate, None for all; firing instances of other
    rules still inhibit. broken: instances (by key) whose evaluation cannot be stored, with the reason; they become unknown.
    failed: rules that fail in another part, with the reason. channels, handling: where an instance of a rule is
    notified, and how. escalated: channels that are due for an incident that nobody took, by the key of its alert. subjects: what
    is known of those of its alerts. is_clean: the known instances were cleaned when they were loaded.
    """

    silences: Sequence[Silence] = ()
    unread: Sequence[str] = ()
    complete: Sequence[str] = EVERYTHING
    rule_ids: frozenset[str] | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    channels: Channels = list_own_channels
    handling: Callable[[AlertRule, Instance], Handling] = handle_by_level
    escalated: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subjects: Subjects = _NO_SUBJECTS
    is_clean: bool = False


@dataclass(slots=True)
class Trouble:
    """The failures of one evaluation: instances that cannot be stored, rules that fail (id to reason), and the errors."""

    broken: Mapping[str, str]
    failed: dict[str, str]
    errors: list[Exception] = field(default_factory=list)

    def note(self, rule_id: str, error: Exception) -> Reason:
        """Record that a rule's evaluation raised; returns the reason."""
        self.errors.append(error)
        why = f"its evaluation failed ({type(error).__name__})"
        self.failed.setdefault(rule_id, why)
        return Reason("unavailable", why)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the rules of one evaluation share: the samples, how complete they are, and the failures."""

    samples: SampleIndex
    now: datetime
    unread: Sequence[str]
    complete: Sequence[str]
    trouble: Trouble
    subjects: Subjects = _NO_SUBJECTS


def keep_unknown(old: Instance, reason: Reason, now: datetime) -> Instance:
    """Mark an instance as unknown. A firing one keeps firing, since unknown is no all-clear; others get state unknown."""
    if old.state == "firing":
        return old.change(is_unknown=True, reason=reason, clear_since=None)
    since = old.since if old.state == "unknown" else now
    return old.change(state="unknown", since=since, value=None, detail=None, is_unknown=True, reason=reason)
