"""Notification threads: a cause and what follows from it are one, under the id of what was notified first. Pure.

What joins a thread is announced in it if it raises its level, is critical, belongs to a rule that demands it, or takes over
from an alert that is over; in channels that the thread was not sent to, always. Otherwise the thread covers it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime

from callwatch.alerts.evaluation.groups import Group, name_group
from callwatch.alerts.evaluation.inhibition import explain
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.alert import AlertLevel, rank_level

Relatives = Mapping[str, Set[str]]


def find_relatives(rules: Sequence[AlertRule], instances: Iterable[Instance]) -> Relatives:
    """Map each instance that fires, or whose all-clear is due, to its causes and to what follows from it."""
    active = [
        each if each.state == "firing" else each.change(state="firing")
        for each in instances
        if each.state == "firing" or each.is_notified
    ]
    found: dict[str, set[str]] = {}
    for key, causes in explain(rules, active).items():
        for cause in causes:
            found.setdefault(key, set()).add(cause)
            found.setdefault(cause, set()).add(key)
    return found


def find_thread(
    key: str,
    relatives: Relatives,
    instances: Mapping[str, Instance],
    silenced: Set[str],
    groups: Mapping[str, Group],
    now: datetime,
) -> tuple[Group, str | None] | None:
    """Return the thread that an instance joins, and the alert under whose id it is notified if it was a single one so far.

    None: no relative of it was notified, or only ones that a silence mutes now.
    """
    heard = [one for one in relatives.get(key, ()) if one in instances and instances[one].is_notified and one not in silenced]
    if not heard:
        return None
    first = min(heard, key=lambda one: (instances[one].group is None, instances[one].last_notified_at or now, one))
    instance = instances[first]
    if instance.group is not None and instance.group in groups:
        return groups[instance.group], None
    rule_ids, level = frozenset((instance.rule_id,)), instance.notified_level
    return Group(name_group(first, now), (first,), rule_ids, instance.last_notified_at, level), first


def list_announced(
    rule: AlertRule, where: Sequence[str], thread: Group, instances: Mapping[str, Instance], over: Collection[str]
) -> list[str]:
    """Return the channels of an instance in which it is announced when it joins a thread. over: keys that are clear now."""
    is_raised = rank_level(rule.level) > rank_level(thread.level)
    if is_raised or rule.announce or rule.level == AlertLevel.CRITICAL or any(key in over for key in thread.keys):
        return list(where)
    reached = {channel for key in thread.keys for channel in instances[key].notified_channels or ()}
    return [channel for channel in where if channel not in reached]


def list_clusters(keys: Sequence[str], relatives: Relatives) -> list[list[str]]:
    """Return those of the instances that are related to each other, each cluster by itself."""
    left, found = set(keys), []
    for key in keys:
        cluster, waiting = [], [key]
        while waiting:
            one = waiting.pop()
            if one in left:
                left.discard(one)
                cluster.append(one)
                waiting.extend(sorted(relatives.get(one, set()) & left))
        if len(cluster) > 1:
            found.append(cluster)
    return found
