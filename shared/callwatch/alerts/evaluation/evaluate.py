"""Evaluates samples against stored state at `now`. Pure; touches no clock, network or database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.context import EVERYTHING, Context, Scope, Trouble, keep_unknown
from callwatch.alerts.evaluation.decisions import Decided, decide_all
from callwatch.alerts.evaluation.instance import Instance, Outcome, build_instance_key, limit_times
from callwatch.alerts.evaluation.instance_samples import (
    Found,
    find_end,
    group_samples,
    is_absent,
    is_doubtful,
    is_unreported,
)
from callwatch.alerts.evaluation.instance_state import compute_state, is_idle
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules.sample_index import SampleIndex
from callwatch.alerts.rules.sanitize import clean_instance, clean_labels, clean_samples
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

BLIND_RULE = "monitor_blind"
BLIND_METRIC = "monitor.unknown_ratio"
BROKEN_RULE = "rule_broken"
BROKEN_METRIC = "rule.failed_cycles"
# Both depend on the results of the other rules.
_LAST_RULES = (BLIND_RULE, BROKEN_RULE)
# The samples of a cycle are as old as its start; a cycle takes no longer than this.
_CYCLE = timedelta(minutes=1)
_AS_USUAL = Context()


def evaluate(
    rules: Sequence[AlertRule],
    samples: Iterable[Sample],
    known: Mapping[str, Instance],
    now: datetime,
    context: Context = _AS_USUAL,
) -> Outcome:
    """Evaluate the rules. A rule or instance that fails becomes unknown, with the reason; the others are unaffected.

    known: instances as stored.
    """
    if not context.is_clean:
        known = {key: clean_instance(instance, now) for key, instance in known.items()}
    chosen = [rule for rule in rules if context.rule_ids is None or rule.id in context.rule_ids]
    trouble = Trouble(context.broken, dict(context.failed))
    scope = Scope(SampleIndex(clean_samples(samples)), now, context.unread, context.complete, trouble, context.subjects)
    instances = _evaluate_all(chosen, known, scope)
    instances |= _list_fired_meanwhile(known, instances, now)
    standing = [known[key] for key in known if key not in instances]
    silences = Silences(context.silences)
    decided = Decided(
        rules, instances, standing, known, now, silences, context.channels, context.handling, context.escalated, trouble
    )
    outcome = decide_all(decided)
    return replace(outcome, failed=trouble.failed, errors=trouble.errors)


def _evaluate_all(rules: Sequence[AlertRule], known: Mapping[str, Instance], scope: Scope) -> dict[str, Instance]:
    """Return the instances of the rules; the rules about other rules come last."""
    by_rule: dict[str, dict[str, Instance]] = {}
    for key, instance in known.items():
        by_rule.setdefault(instance.rule_id, {})[key] = limit_times(instance, scope.now)
    instances: dict[str, Instance] = {}
    for rule in rules:
        if rule.id not in _LAST_RULES:
            instances |= _evaluate_safely(rule, by_rule.get(rule.id, {}), scope)
    for rule in sorted((rule for rule in rules if rule.id in _LAST_RULES), key=lambda rule: _LAST_RULES.index(rule.id)):
        own = by_rule.get(rule.id, {})
        if rule.id == BLIND_RULE:
            about_rules = scope.samples.replace_metric(BLIND_METRIC, [_measure_blindness(rules, instances, scope.unread)])
        else:
            about_rules = scope.samples.replace_metric(BROKEN_METRIC, _count_failed_cycles(scope.trouble.failed, own))
        last = replace(scope, samples=about_rules, unread=(), complete=EVERYTHING)
        instances |= _evaluate_safely(rule, own, last)
    return instances


def _evaluate_safely(rule: AlertRule, known: Mapping[str, Instance], scope: Scope) -> dict[str, Instance]:
    """Return the rule's instances; all of them are unknown if the rule cannot be evaluated."""
    try:
        return _evaluate_rule(rule, known, scope)
    except Exception as error:
        reason = scope.trouble.note(rule.id, error)
        labels = clean_labels(rule.labels)
        key = build_instance_key(rule.id, labels)
        old = known or {key: Instance(key, rule.id, labels, "ok", scope.now)}
        return {key: keep_unknown(instance, reason, scope.now) for key, instance in old.items()}


def _evaluate_rule(rule: AlertRule, known: Mapping[str, Instance], scope: Scope) -> dict[str, Instance]:
    found = group_samples(rule, scope.samples, known)
    missing = {metric for metric in rule.metrics if metric.startswith(tuple(scope.unread))} if scope.unread else set()
    for key, instance in known.items():
        # An instance that is no longer reported (an error group, a cron) is dropped once no notification is due for it.
        if key not in found and (missing or not is_idle(rule, instance, scope.now)):
            found[key] = Found(instance.labels, [])
    if missing and not found:
        found[build_instance_key(rule.id, rule.labels)] = Found(rule.labels, [])
    if missing:
        for each in found.values():
            each.unread = not missing <= {sample.metric for _condition, sample in each.pairs}
    for key, each in found.items():
        each.is_absent = key in known and is_absent(rule, known[key], each, scope.complete)
        if key in known:
            each.is_absent = each.is_absent or is_doubtful(known[key], each, scope.subjects)
            each.end = find_end(rule, known[key], each, scope.subjects)
            each.is_unreported = is_unreported(known[key], each, scope.subjects)
    return {key: _evaluate_instance(rule, key, each, known.get(key), scope) for key, each in found.items()}


def _evaluate_instance(rule: AlertRule, key: str, found: Found, before: Instance | None, scope: Scope) -> Instance:
    """Evaluate one instance; it is unknown, with the reason, if that raises or cannot be stored."""
    trouble = scope.trouble
    if key in trouble.broken:
        trouble.failed.setdefault(rule.id, trouble.broken[key])
        reason = Reason("unavailable", trouble.broken[key])
    else:
        try:
            return compute_state(rule, key, found, before, scope.now)
        except Exception as error:
            reason = trouble.note(rule.id, error)
    return keep_unknown(before or Instance(key, rule.id, found.labels, "ok", scope.now), reason, scope.now)


def _count_failed_cycles(failed: Mapping[str, str], known: Mapping[str, Instance]) -> list[Sample]:
    """Count for each failing rule the consecutive cycles in which it failed."""
    before = {instance.labels.get("rule"): instance.value or 0.0 for instance in known.values()}
    return [
        Sample(BROKEN_METRIC, before.get(rule_id, 0.0) + 1, labels={"rule": rule_id}, detail=reason)
        for rule_id, reason in sorted(failed.items())
    ]


def _list_fired_meanwhile(known: Mapping[str, Instance], evaluated: Mapping[str, Instance], now: datetime) -> dict[str, Instance]:
    """Return what fired on newer samples while these were measured (a critical error does); they cannot clear it."""
    return {
        key: limit_times(instance, now)
        for key, instance in known.items()
        if instance.state == "firing"
        and now < instance.since <= now + _CYCLE
        and key in evaluated
        and evaluated[key].state != "firing"
    }


def _measure_blindness(rules: Sequence[AlertRule], instances: Mapping[str, Instance], unread: Sequence[str]) -> Sample:
    """Measure the share of evaluated rules that are blind: all unknown, after a known value or because a source failed."""
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
    return Sample(BLIND_METRIC, share, detail=f"{len(blind)} of {len(of_rule)} rules have no data")
