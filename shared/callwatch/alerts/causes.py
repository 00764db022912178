"""What follows from what: the firing instance that explains another. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from callwatch.alerts.instance import Instance
from callwatch.alerts.rule import AlertRule


def causes_of(rules: Sequence[AlertRule], instances: Iterable[Instance]) -> dict[str, str]:
    """For each firing instance that follows from another: its key, and the key of the one at the root of it.

    Rules that explain each other explain nothing: of such a circle nobody is held back.
    """
    firing: dict[str, dict[str, Instance]] = {}
    for instance in instances:
        if instance.state == "firing":
            firing.setdefault(instance.rule_id, {})[instance.key] = instance
    by_id = {rule.id: rule for rule in rules}
    direct = {
        key: _direct(by_id[rule_id], instance, firing)
        for rule_id, found in firing.items()
        if rule_id in by_id
        for key, instance in found.items()
    }
    above = {key: _above(key, direct) for key, found in direct.items() if found}
    roots = {}
    for key, ancestors in above.items():
        # An ancestor that follows from this one in turn stands in a circle with it.
        real = sorted(ancestor for ancestor in ancestors if key not in above.get(ancestor, ()))
        top = [ancestor for ancestor in real if not above.get(ancestor)] or real
        if top:
            roots[key] = top[0]
    return roots


def circle_in(causes: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids of rules that explain each other in a circle, each before its cause; empty where none do.

    causes: for each rule the ids of those that explain it.
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


def _direct(rule: AlertRule, instance: Instance, firing: Mapping[str, Mapping[str, Instance]]) -> list[str]:
    return [
        key
        for cause in rule.causes
        for key, other in firing.get(cause.rule_id, {}).items()
        if key != instance.key and cause.explains(other.labels, instance.labels)
    ]


def _above(key: str, direct: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    open_keys = [key]
    while open_keys:
        for cause in direct.get(open_keys.pop(), ()):
            if cause not in found:
                found.add(cause)
                open_keys.append(cause)
    return found
