"""The judgement: facts, what was known, and now, to what changes. Pure; touches no clock, network or database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel
from callwatch.models.facts import Fact

State = Literal["ok", "pending", "firing", "unknown"]
BLIND_RULE = "monitor_blind"
BLIND_METRIC = "monitor.unknown_ratio"
_FLAPS = 4
_FLAP_WINDOW = timedelta(hours=1)
_CALM = timedelta(minutes=30)
_REMIND_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Instance:
    """Where one rule stands for one set of labels.

    since: when the present state began. clear_since: since when a firing one is clear, waiting for resolve_for_s.
    is_notified: whether this firing span was told. is_unknown: its facts are missing now; a firing one fires on.
    fired: when it fired within the last hour.
    """

    key: str
    rule_id: str
    labels: Mapping[str, str]
    state: State
    since: datetime
    clear_since: datetime | None = None
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None
    began_at: datetime | None = None
    is_notified: bool = False
    is_acknowledged: bool = False
    is_flapping: bool = False
    is_unknown: bool = False
    suppressed_by: str | None = None
    last_notified_at: datetime | None = None
    fired: tuple[datetime, ...] = ()


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

    transition: firing, resolved, or None. notify: firing, flapping, reminder, resolved, or None.
    """

    instance: Instance
    transition: Literal["firing", "resolved"] | None = None
    notify: Literal["firing", "flapping", "reminder", "resolved"] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All instances as they stand now, and what changed."""

    instances: dict[str, Instance]
    changes: list[Change]


def evaluate(
    rules: Sequence[AlertRule],
    facts: Iterable[Fact],
    known: Mapping[str, Instance],
    now: datetime,
    silences: Sequence[Silence] = (),
    unread: Sequence[str] = (),
) -> Outcome:
    """Judge every rule.

    known: instances as stored. unread: prefixes of metrics whose source could not be read this time: their absence
    is unknown, while the absence of any other metric means that there is nothing to tell.
    """
    by_metric: dict[str, list[Fact]] = {}
    for fact in facts:
        by_metric.setdefault(fact.metric, []).append(fact)
    instances: dict[str, Instance] = {}
    for rule in rules:
        if rule.id != BLIND_RULE:
            instances |= _judge_rule(rule, by_metric, known, now, unread)
    for rule in rules:
        if rule.id == BLIND_RULE:
            by_metric[BLIND_METRIC] = [_blindness(instances)]
            instances |= _judge_rule(rule, by_metric, known, now, ())
    firing = {instance.rule_id for instance in instances.values() if instance.state == "firing"}
    changes = []
    for rule in rules:
        for key in [key for key, instance in instances.items() if instance.rule_id == rule.id]:
            cause = next((cause for cause in rule.depends_on if cause in firing), None)
            instance = replace(instances[key], suppressed_by=cause if instances[key].state == "firing" else None)
            is_silenced = any(silence.matches(instance) for silence in silences)
            change = _notify(rule, instance, known.get(key), now, is_muted=is_silenced or cause is not None)
            instances[key] = change.instance
            if change.transition or change.notify:
                changes.append(change)
    return Outcome(instances, changes)


def instance_key(rule_id: str, labels: Mapping[str, str]) -> str:
    """What names an instance: the rule and its labels."""
    return rule_id + "".join(f"|{name}={labels[name]}" for name in sorted(labels))


def _judge_rule(
    rule: AlertRule,
    by_metric: Mapping[str, list[Fact]],
    known: Mapping[str, Instance],
    now: datetime,
    unread: Sequence[str],
) -> dict[str, Instance]:
    found: dict[str, list[tuple[Condition, Fact]]] = {}
    labels_of: dict[str, Mapping[str, str]] = {}
    for condition in rule.all_conditions():
        for fact in by_metric.get(condition.metric, []):
            if rule.matches(fact):
                key = instance_key(rule.id, fact.labels)
                found.setdefault(key, []).append((condition, fact))
                labels_of[key] = fact.labels
    is_unread = any(metric.startswith(prefix) for metric in rule.metrics for prefix in unread)
    for key, instance in known.items():
        if instance.rule_id == rule.id and key not in found:
            found[key], labels_of[key] = [], instance.labels
    if not found and is_unread:
        key = instance_key(rule.id, rule.labels)
        found[key], labels_of[key] = [], rule.labels
    return {key: _judge(rule, key, labels_of[key], pairs, known.get(key), now, is_unread) for key, pairs in found.items()}


def _judge(
    rule: AlertRule,
    key: str,
    labels: Mapping[str, str],
    pairs: list[tuple[Condition, Fact]],
    before: Instance | None,
    now: datetime,
    is_unread: bool,
) -> Instance:
    old = before or Instance(key, rule.id, labels, "ok", now)
    hit = next(((c, f) for c, f in pairs if f.value is not None and c.holds(f.value)), None)
    is_unknown = hit is None and (any(f.value is None for _c, f in pairs) or (not pairs and is_unread))
    if is_unknown:
        # A firing one fires on: unknown is no all-clear. Any other is neither ok nor on its way to fire.
        if old.state == "firing":
            return replace(old, is_unknown=True)
        return replace(old, state="unknown", since=old.since if old.state == "unknown" else now, value=None, is_unknown=True)
    if hit is not None:
        condition, fact = hit
        current = replace(old, value=fact.value, threshold=condition.threshold, detail=fact.detail, is_unknown=False)
        return _while_bad(rule, current, fact, now)
    first = pairs[0] if pairs else None
    current = replace(old, is_unknown=False)
    if first is not None:
        current = replace(current, value=first[1].value, threshold=first[0].threshold, detail=None)
    return _while_good(rule, current, now)


def _while_bad(rule: AlertRule, instance: Instance, fact: Fact, now: datetime) -> Instance:
    if instance.state == "firing":
        return replace(instance, clear_since=None)
    pending_since = instance.since if instance.state == "pending" else now
    if _elapsed(pending_since, now) < timedelta(seconds=rule.for_s):
        return replace(instance, state="pending", since=pending_since)
    began_at = min(fact.since, now) if fact.since else pending_since
    fired = (*[at for at in instance.fired if _elapsed(at, now) < _FLAP_WINDOW], now)
    return replace(
        instance, state="firing", since=now, began_at=began_at, clear_since=None, fired=fired, is_acknowledged=False,
        # A flapping one was told as such, and is owed its one all-clear.
        is_notified=instance.is_flapping and instance.is_notified,
    )  # fmt: skip


def _while_good(rule: AlertRule, instance: Instance, now: datetime) -> Instance:
    if instance.state != "firing":
        return replace(instance, state="ok", since=instance.since if instance.state == "ok" else now)
    clear_since = instance.clear_since or now
    if _elapsed(clear_since, now) < timedelta(seconds=rule.resolve_for_s):
        return replace(instance, clear_since=clear_since)
    return replace(instance, state="ok", since=now, clear_since=None)


def _notify(rule: AlertRule, instance: Instance, before: Instance | None, now: datetime, is_muted: bool) -> Change:
    was_firing = before is not None and before.state == "firing"
    is_firing = instance.state == "firing"
    transition: Literal["firing", "resolved"] | None = None
    if is_firing != was_firing:
        transition = "firing" if is_firing else "resolved"
    if not is_firing:
        return _when_clear(instance, transition, now, is_muted)
    is_cooled = instance.last_notified_at is None or _elapsed(instance.last_notified_at, now) >= timedelta(
        minutes=rule.cooldown_minutes
    )
    if is_muted or not is_cooled or instance.is_flapping:
        return Change(instance, transition)
    if not instance.is_notified:
        is_flapping = len([at for at in instance.fired if _elapsed(at, now) < _FLAP_WINDOW]) >= _FLAPS
        told = replace(instance, is_notified=True, last_notified_at=now, is_flapping=is_flapping)
        return Change(told, transition, "flapping" if is_flapping else "firing")
    is_due = _elapsed(instance.last_notified_at or now, now) >= _REMIND_AFTER
    if rule.level == AlertLevel.CRITICAL and is_due and not instance.is_acknowledged:
        return Change(replace(instance, last_notified_at=now), transition, "reminder")
    return Change(instance, transition)


def _when_clear(instance: Instance, transition: Literal["firing", "resolved"] | None, now: datetime, is_muted: bool) -> Change:
    if not instance.is_notified:
        return Change(replace(instance, is_flapping=False) if transition else instance, transition)
    is_calm = not instance.fired or _elapsed(instance.fired[-1], now) >= _CALM
    if instance.is_flapping and not is_calm:
        # The next spell may come any minute: the all-clear waits until it has been calm for a while.
        return Change(instance, transition)
    told = replace(instance, is_notified=False, is_flapping=False)
    return Change(told, transition, None if is_muted else "resolved")


def _blindness(instances: Mapping[str, Instance]) -> Fact:
    """The share of rules that cannot get their data, none of whose instances is known."""
    rules = {instance.rule_id for instance in instances.values()}
    seeing = {instance.rule_id for instance in instances.values() if not instance.is_unknown}
    blind = len(rules - seeing)
    share = blind / len(rules) if rules else 0.0
    return Fact(BLIND_METRIC, share, detail=f"{blind} of {len(rules)} rules cannot get their data")


def _elapsed(since: datetime, now: datetime) -> timedelta:
    """Time passed; none where the clock went back."""
    return max(timedelta(0), now - since)
