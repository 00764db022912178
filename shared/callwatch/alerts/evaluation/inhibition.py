"""Inhibition: finds the firing instances that are the cause of another. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.rules.rule import AlertRule, Cause


def explain(rules: Sequence[AlertRule], instances: Iterable[Instance]) -> dict[str, list[str]]:
    """Map the key of each inhibited firing instance to the keys of all its causes, the root first.

    Rules that inhibit each other in a circle inhibit nothing.
    """
    firing: dict[str, dict[str, Instance]] = {}
    for instance in instances:
        if instance.state == "firing":
            firing.setdefault(instance.rule_id, {})[instance.key] = instance
    by_id = {rule.id: rule for rule in rules}
    direct = {
        key: _find_direct(by_id[rule_id], instance, firing)
        for rule_id, found in firing.items()
        if rule_id in by_id
        for key, instance in found.items()
    }
    above = {key: _list_above(key, direct) for key, found in direct.items() if found}
    # An ancestor that this instance inhibits in turn is in a circle with it.
    real = {key: {one for one in found if key not in above.get(one, ())} for key, found in above.items()}
    return {key: sorted(found, key=lambda one: (len(real.get(one, ())), one)) for key, found in real.items() if found}


def find_circle(causes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the ids of rules that inhibit each other in a circle, each before its cause; empty if there is none.

    causes: for each rule the ids of the rules that inhibit it.
    """
    cleared: set[str] = set()
    for start in causes:
        way: list[str] = []
        waiting = [iter([start])]
        while waiting:
            rule_id = next(waiting[-1], None)
            if rule_id is None:
                waiting.pop()
                if way:
                    cleared.add(way.pop())
            elif rule_id in way:
                return way[way.index(rule_id) :]
            elif rule_id not in cleared:
                way.append(rule_id)
                waiting.append(iter(causes.get(rule_id, ())))
    return []


def _find_direct(rule: AlertRule, instance: Instance, firing: Mapping[str, Mapping[str, Instance]]) -> list[str]:
    return [
        key
        for cause in rule.causes
        for key, other in firing.get(cause.rule_id, {}).items()
        if key != instance.key and cause.explains(other.labels, instance.labels) and _is_simultaneous(cause, other, instance)
    ]


def _is_simultaneous(cause: Cause, other: Instance, instance: Instance) -> bool:
    if cause.within_s is None:
        return True
    began, other_began = instance.began_at or instance.since, other.began_at or other.since
    return abs((began - other_began).total_seconds()) <= cause.within_s


def _list_above(key: str, direct: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    open_keys = [key]
    while open_keys:
        for cause in direct.get(open_keys.pop(), ()):
            if cause not in found:
                found.add(cause)
                open_keys.append(cause)
    return found
