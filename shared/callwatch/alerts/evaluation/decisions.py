"""Decides the notification for each evaluated instance, causes before the instances that they inhibit. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from callwatch.alerts.evaluation.context import Channels, Handling, Trouble, keep_unknown
from callwatch.alerts.evaluation.groups import GROUP_WAITS, Group, find_group, find_open_groups
from callwatch.alerts.evaluation.inhibition import explain
from callwatch.alerts.evaluation.instance import Change, Instance, Outcome
from callwatch.alerts.evaluation.notify_policy import Situation, decide
from callwatch.alerts.evaluation.planner import plan_notifications
from callwatch.alerts.evaluation.planning import Planning
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.evaluation.threads import Relatives, find_relatives
from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.alert import AlertChannel, AlertLevel


@dataclass(slots=True)
class Decided:
    """The input and the intermediate results of the decisions of one evaluation.

    instances: evaluated now. standing: not evaluated now. known: all as stored. heard: whether somebody is, or will be,
    notified of an instance. causes: key of an inhibited instance to the key of its cause.
    waiting: since when the first alert of each group waits to be notified.
    """

    rules: Sequence[AlertRule]
    instances: dict[str, Instance]
    standing: Sequence[Instance]
    known: Mapping[str, Instance]
    now: datetime
    silences: Silences
    channels: Channels
    handling: Callable[[AlertRule, Instance], Handling]
    escalated: Mapping[str, Sequence[str]]
    trouble: Trouble
    by_id: dict[str, AlertRule] = field(default_factory=dict)
    everything: dict[str, Instance] = field(default_factory=dict)
    above: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    heard: dict[str, bool] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, datetime] | None = None


def decide_all(work: Decided) -> Outcome:
    """Return the changes and the planned notifications; an error costs only its own instance."""
    work.by_id = {rule.id: rule for rule in work.rules}
    known_rules = [each for each in [*work.standing, *work.instances.values()] if each.rule_id in work.by_id]
    work.everything = {each.key: each for each in known_rules}
    try:
        work.above = explain(work.rules, work.everything.values())
    except Exception as error:
        # Without inhibition each alert is notified by itself: too many notifications, none missing.
        work.trouble.errors.append(error)
    work.groups = find_open_groups(work.everything.values())
    work.silenced = {key for key, each in work.everything.items() if work.silences.find(each) is not None}
    changes = []
    # Among equals the key decides: what is notified must not depend on the order of the rules.
    for key in sorted(work.instances, key=lambda key: (len(work.above.get(key, ())), key)):
        change = _decide_safely(work, key)
        work.everything[key] = change.instance
        work.heard[key] = change.instance.is_notified or change.notify not in (None, "resolved")
        if change.transition or change.notify:
            changes.append(change)
    return _plan(work, changes)


def _plan(work: Decided, changes: Sequence[Change]) -> Outcome:
    plan = Planning(work.by_id, work.everything, work.channels, work.silenced, work.now, work.handling, work.escalated)
    plan_notifications(plan, changes, lambda: _find_relatives(work))
    everything = work.everything
    touched = {key for planned in plan.planned for key in planned.keys}
    kept = {key: everything[key] for key in everything if key in work.instances or key in touched}
    settled = [replace(change, instance=everything[change.instance.key]) for change in changes]
    causes = {key: work.causes.get(key, found[0]) for key, found in work.above.items()}
    return Outcome(kept, settled, plan.planned, causes, work.above)


def _find_relatives(work: Decided) -> Relatives:
    try:
        return find_relatives(work.rules, work.everything.values())
    except Exception as error:
        # Without threads each alert is notified by itself, as without inhibition.
        work.trouble.errors.append(error)
        return {}


def _decide_safely(work: Decided, key: str) -> Change:
    instance = work.everything[key]
    try:
        return _decide(work, key)
    except Exception as error:
        reason = work.trouble.note(instance.rule_id, error)
        before = work.known.get(key) or Instance(key, instance.rule_id, instance.labels, "ok", work.now)
        return Change(keep_unknown(before, reason, work.now))


def _decide(work: Decided, key: str) -> Change:
    instance = work.everything[key]
    rule = work.by_id[instance.rule_id]
    where = work.channels(rule, instance)
    cause = _find_explanation(work, rule, key, where)
    if cause is not None:
        work.causes[key] = cause
    explained_by = work.everything[cause].rule_id if cause is not None else None
    if instance.suppressed_by != explained_by:
        instance = instance.change(suppressed_by=explained_by)
    handling = work.handling(rule, instance)
    group = find_group(work.groups, rule.id, handling.group) if not instance.is_notified else None
    waits = group.last_notified_at + GROUP_WAITS if group is not None and group.last_notified_at is not None else None
    around = Situation(
        where,
        key in work.silenced,
        cause is not None,
        group.name if group is not None else None,
        waits,
        group.level if group is not None else None,
        None if group is not None else _find_first_wait(work, instance, handling),
        handling.repeat,
        work.escalated.get(key, ()),
        handling.quiet_until,
        handling.is_collected,
    )
    return decide(rule, instance, work.known.get(key), work.now, around)


def _find_first_wait(work: Decided, instance: Instance, handling: Handling) -> datetime | None:
    """Return until when a first notification waits: all that begin while the first of their group waits go with it."""
    if not handling.wait:
        return None
    if handling.group is None:
        return instance.since + handling.wait
    if work.waiting is None:
        work.waiting = {}
        for each in work.everything.values():
            base = work.handling(work.by_id[each.rule_id], each).group
            if base is not None and each.state == "firing" and not each.is_notified:
                work.waiting[base] = min(each.since, work.waiting.get(base, each.since))
    return min(instance.since, work.waiting.get(handling.group, instance.since)) + handling.wait


def _find_explanation(work: Decided, rule: AlertRule, key: str, where: Sequence[str]) -> str | None:
    """Return the key of the cause that inhibits an instance.

    A critical instance is inhibited only by a critical cause that is not silenced and that reached every channel the instance
    would notify, so that somebody is always notified, and knows that it is critical.
    """
    above = work.above.get(key, ())
    if rule.level != AlertLevel.CRITICAL:
        return above[0] if above else None
    needed = set(where) - {AlertChannel.LOG}
    for cause in above:
        instance = work.everything[cause]
        of_cause = work.by_id[instance.rule_id]
        if of_cause.level != AlertLevel.CRITICAL:
            continue
        reached = {*(instance.notified_channels or ()), *work.channels(of_cause, instance)}
        if work.heard.get(cause, instance.is_notified) and cause not in work.silenced and needed <= reached:
            return cause
    return None
