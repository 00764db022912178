"""Storms: so many alerts begin at once that they are notified as one group. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from callwatch.alerts.evaluation.instance import Instance

MAX_SINGLE = 5
# Nobody is interrupted by these, so their number of alerts makes no storm.
_QUIET_CHANNELS = frozenset({"database", "log"})


def list_storms(
    singles: Sequence[str], by_channel: Mapping[str, Sequence[str]], instances: Mapping[str, Instance]
) -> list[list[str]]:
    """Return the keys that begin together: all if a channel that interrupts people would get many, or those of each rule
    that has many.
    """
    if any(len(found) > MAX_SINGLE for channel, found in by_channel.items() if channel not in _QUIET_CHANNELS):
        return [list(singles)]
    firing = _count_notified(instances.values())
    of_rule: dict[str, list[str]] = {}
    for key in singles:
        of_rule.setdefault(instances[key].rule_id, []).append(key)
    return [keys for rule_id, keys in of_rule.items() if len(keys) + firing.get(rule_id, 0) > MAX_SINGLE]


def _count_notified(instances: Iterable[Instance]) -> dict[str, int]:
    firing: dict[str, int] = {}
    for instance in instances:
        if instance.is_notified and instance.state == "firing":
            firing[instance.rule_id] = firing.get(instance.rule_id, 0) + 1
    return firing
