"""Notification groups: which are open, and which one a new instance joins. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.instance import Instance
from callwatch.models.alert import rank_level

GROUP_WAITS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Group:
    """A lasting group: its members that are due an all-clear, their rules, its last notification and that one's level."""

    name: str
    keys: tuple[str, ...]
    rule_ids: frozenset[str]
    last_notified_at: datetime | None
    level: str | None


def find_open_groups(instances: Iterable[Instance]) -> dict[str, Group]:
    """Return by name the groups in which a member is still due an all-clear."""
    members: dict[str, list[Instance]] = {}
    for instance in instances:
        if instance.group is not None and instance.is_notified:
            members.setdefault(instance.group, []).append(instance)
    return {
        name: Group(
            name,
            tuple(sorted(each.key for each in found)),
            frozenset(each.rule_id for each in found),
            max((each.last_notified_at for each in found if each.last_notified_at), default=None),
            max((each.notified_level for each in found), key=rank_level),
        )
        for name, found in members.items()
    }


def find_group_of_rule(groups: Mapping[str, Group], rule_id: str) -> Group | None:
    """Return the open group that a new instance of a rule joins."""
    return next((groups[name] for name in sorted(groups) if rule_id in groups[name].rule_ids), None)
