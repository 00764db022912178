"""The judgement: facts, what was known, and now, to what changes. Pure; touches no clock, network or database."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callwatch.alerts.causes import causes_of
from callwatch.alerts.instance import Instance, Outcome, Silence, elapsed, instance_key, not_after
from callwatch.alerts.notices import told
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.facts import Fact

BLIND_RULE = "monitor_blind"
BLIND_METRIC = "monitor.unknown_ratio"
_FLAPS = 4
_FLAP_WINDOW = timedelta(hours=1)
# The facts of a cycle are as old as its start, and it takes no longer than this.
_CYCLE = timedelta(minutes=1)


@dataclass(slots=True)
class _Found:
    """What there is to judge one instance by; `unread`: a metric of its rule could not be read, and has no fact here."""

    labels: Mapping[str, str]
    pairs: list[tuple[Condition, Fact]]
    unread: bool = False


def evaluate(
    rules: Sequence[AlertRule],
    facts: Iterable[Fact],
    known: Mapping[str, Instance],
    now: datetime,
    silences: Sequence[Silence] = (),
    unread: Sequence[str] = (),
    judged: frozenset[str] | None = None,
) -> Outcome:
    """Judge the rules.

    known: instances as stored. unread: prefixes of metrics whose source could not be read this time: their absence
    is unknown, while the absence of any other metric means that there is nothing to tell. judged: ids of the rules
    to judge, None for all; what fires of the others still explains what follows from it.
    """
    by_metric: dict[str, list[Fact]] = {}
    for fact in facts:
        by_metric.setdefault(fact.metric, []).append(fact)
    by_rule: dict[str, dict[str, Instance]] = {}
    for key, instance in known.items():
        by_rule.setdefault(instance.rule_id, {})[key] = not_after(instance, now)
    chosen = [rule for rule in rules if judged is None or rule.id in judged]
    instances: dict[str, Instance] = {}
    for rule in chosen:
        if rule.id != BLIND_RULE:
            instances |= _judge_rule(rule, by_metric, by_rule.get(rule.id, {}), now, unread)
    for rule in chosen:
        if rule.id == BLIND_RULE:
            by_metric[BLIND_METRIC] = [_blindness(chosen, instances, unread)]
            instances |= _judge_rule(rule, by_metric, by_rule.get(rule.id, {}), now, ())
    instances |= _fired_meanwhile(known, instances, now)
    standing = [known[key] for key in known if key not in instances]
    return _tell(rules, instances, standing, known, now, silences)


def _fired_meanwhile(known: Mapping[str, Instance], judged: Mapping[str, Instance], now: datetime) -> dict[str, Instance]:
    """What fired on newer facts while these were being measured, as a critical error does at once: they cannot clear it."""
    return {
        key: not_after(instance, now)
        for key, instance in known.items()
        if instance.state == "firing" and now < instance.since <= now + _CYCLE and key in judged and judged[key].state != "firing"
    }


def _tell(
    rules: Sequence[AlertRule],
    instances: dict[str, Instance],
    standing: Sequence[Instance],
    known: Mapping[str, Instance],
    now: datetime,
    silences: Sequence[Silence],
) -> Outcome:
    by_id = {rule.id: rule for rule in rules}
    everything = {instance.key: instance for instance in [*standing, *instances.values()]}
    causes = causes_of(rules, everything.values())
    changes = []
    for key, judged in instances.items():
        cause = everything[causes[key]].rule_id if key in causes else None
        instance = replace(judged, suppressed_by=cause)
        is_silenced = any(silence.matches(instance) for silence in silences)
        change = told(by_id[instance.rule_id], instance, known.get(key), now, is_silenced, cause is not None)
        instances[key] = change.instance
        if change.transition or change.notify:
            changes.append(change)
    return Outcome(instances, changes, causes)


def _judge_rule(
    rule: AlertRule,
    by_metric: Mapping[str, list[Fact]],
    known: Mapping[str, Instance],
    now: datetime,
    unread: Sequence[str],
) -> dict[str, Instance]:
    found = _found(rule, by_metric, known)
    missing = {metric for metric in rule.metrics if metric.startswith(tuple(unread))} if unread else set()
    for key, instance in known.items():
        # What is not reported any more (an error group, a cron) is forgotten once nothing is owed for it.
        if key not in found and (missing or not _is_idle(rule, instance, now)):
            found[key] = _Found(instance.labels, [])
    if missing and not found:
        found[instance_key(rule.id, rule.labels)] = _Found(rule.labels, [])
    if missing:
        for each in found.values():
            each.unread = not missing <= {fact.metric for _condition, fact in each.pairs}
    return {key: _judge(rule, key, each, known.get(key), now) for key, each in found.items()}


def _found(rule: AlertRule, by_metric: Mapping[str, list[Fact]], known: Mapping[str, Instance]) -> dict[str, _Found]:
    """The facts of a rule by the instance that they are about."""
    found: dict[str, _Found] = {}
    blanks: list[tuple[Condition, Fact]] = []
    for condition in rule.all_conditions():
        for fact in by_metric.get(condition.metric, []):
            if rule.matches(fact) and condition.concerns(fact):
                labels = rule.labels_of(fact)
                found.setdefault(instance_key(rule.id, labels), _Found(labels, [])).pairs.append((condition, fact))
                if not _is_known(fact):
                    blanks.append((condition, fact))
    for key, instance in known.items():
        # What cannot be known as a whole is not known of any part of it.
        for condition, fact in blanks:
            seen = found.get(key)
            is_part = fact.labels.items() < instance.labels.items() and condition.concerns_labels(instance.labels)
            if is_part and (seen is None or all(each.metric != fact.metric for _condition, each in seen.pairs)):
                found.setdefault(key, _Found(instance.labels, [])).pairs.append((condition, fact))
    return found


def _judge(rule: AlertRule, key: str, found: _Found, before: Instance | None, now: datetime) -> Instance:
    old = before or Instance(key, rule.id, found.labels, "ok", now)
    hit = next(((c, f) for c, f in found.pairs if _is_known(f) and c.holds(f.value)), None)
    blank = next((fact for _condition, fact in found.pairs if not _is_known(fact)), None)
    if hit is None and (blank is not None or found.unread):
        cleared = _cleared(old, found.pairs)
        if cleared is not None:
            return _while_good(rule, _measured(replace(old, is_unknown=False, reason=None), *cleared), now)
        reason = (blank.reason if blank else "its source could not be read") or "not known"
        return _while_unknown(old, reason, now)
    current = replace(old, is_unknown=False, reason=None, has_seen=old.has_seen or bool(found.pairs))
    if hit is not None:
        return _while_bad(rule, _measured(current, *hit), hit[1], now)
    if found.pairs:
        current = _measured(current, *found.pairs[0])
    elif before is not None:
        current = replace(current, value=None, detail=None)
    return _while_good(rule, current, now)


def _cleared(old: Instance, pairs: Sequence[tuple[Condition, Fact]]) -> tuple[Condition, Fact] | None:
    """What shows that a firing one is clear though not all of its rule is known: all of the metric that it fired by is."""
    of_metric = [(condition, fact) for condition, fact in pairs if condition.metric == old.metric]
    if old.state != "firing" or not all(_is_known(fact) for _condition, fact in of_metric):
        return None
    return next(iter(of_metric), None)


def _measured(instance: Instance, condition: Condition, fact: Fact) -> Instance:
    return replace(
        instance,
        value=fact.value,
        threshold=condition.threshold,
        metric=condition.metric,
        comparison=condition.comparison,
        detail=fact.detail,
    )


def _is_known(fact: Fact) -> bool:
    return fact.value is not None and math.isfinite(fact.value)


def _while_unknown(old: Instance, reason: str, now: datetime) -> Instance:
    """A firing one fires on: unknown is no all-clear. Any other is neither ok nor on its way to fire."""
    if old.state == "firing":
        return replace(old, is_unknown=True, reason=reason, clear_since=None)
    since = old.since if old.state == "unknown" else now
    return replace(old, state="unknown", since=since, value=None, detail=None, is_unknown=True, reason=reason)


def _while_bad(rule: AlertRule, instance: Instance, fact: Fact, now: datetime) -> Instance:
    if instance.state == "firing":
        return replace(instance, clear_since=None)
    pending_since = instance.since if instance.state == "pending" else now
    if elapsed(pending_since, now) < timedelta(seconds=rule.for_s):
        return replace(instance, state="pending", since=pending_since)
    began_at = min(fact.since, now) if fact.since else pending_since
    fired = (*_recent(instance, now), now)
    return replace(
        instance,
        state="firing",
        since=now,
        # While the last span is not over for those who were told, it goes on.
        began_at=instance.began_at if instance.is_open and instance.began_at else began_at,
        clear_since=None,
        fired=fired,
        is_flapping=instance.is_flapping or len(fired) >= _FLAPS,
    )


def _while_good(rule: AlertRule, instance: Instance, now: datetime) -> Instance:
    instance = replace(instance, fired=_recent(instance, now))
    if instance.state != "firing":
        return replace(instance, state="ok", since=instance.since if instance.state == "ok" else now)
    clear_since = instance.clear_since or now
    if elapsed(clear_since, now) < timedelta(seconds=rule.resolve_for_s):
        return replace(instance, clear_since=clear_since)
    return replace(instance, state="ok", since=now, clear_since=None)


def _is_idle(rule: AlertRule, instance: Instance, now: datetime) -> bool:
    if instance.state == "firing" or instance.is_open or _recent(instance, now):
        return False
    last = [at for at in (instance.last_notified_at, instance.last_cleared_at) if at is not None]
    return all(elapsed(at, now) >= timedelta(minutes=rule.cooldown_minutes) for at in last)


def _recent(instance: Instance, now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in instance.fired if elapsed(at, now) < _FLAP_WINDOW)


def _blindness(rules: Sequence[AlertRule], instances: Mapping[str, Instance], unread: Sequence[str]) -> Fact:
    """The share of judged rules that went blind: nothing of them is known, where something was, or their source failed."""
    of_rule: dict[str, list[Instance]] = {}
    for instance in instances.values():
        of_rule.setdefault(instance.rule_id, []).append(instance)
    failed = {rule.id for rule in rules if unread and any(metric.startswith(tuple(unread)) for metric in rule.metrics)}
    blind = [
        rule_id
        for rule_id, found in of_rule.items()
        if all(each.is_unknown for each in found) and (rule_id in failed or any(each.has_seen for each in found))
    ]
    share = len(blind) / len(of_rule) if of_rule else 0.0
    return Fact(BLIND_METRIC, share, detail=f"{len(blind)} of {len(of_rule)} rules cannot get their data")
