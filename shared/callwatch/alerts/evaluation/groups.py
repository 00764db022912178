"""Notification groups: which are open, and which one a new instance joins. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.instance import Instance
from callwatch.models.alert import rank_level

GROUP_WAITS = timedelta(minutes=5)
_OF_ROUTE = "=route "


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


def name_group(base: str, now: datetime) -> str:
    """Name a group that opens now."""
    return f"{base} {now.isoformat()}"


def name_route_group(route: str, values: Sequence[str]) -> str:
    """Name the groups of a route for alerts with these values; no rule's id begins so."""
    return f"{_OF_ROUTE}{route} {list(values)}"


def find_group(groups: Mapping[str, Group], rule_id: str, base: str | None) -> Group | None:
    """Return the open group that a new instance of a rule joins. base: the name of its route's group."""
    for name in sorted(groups):
        of_route = name.rpartition(" ")[0] if name.startswith(_OF_ROUTE) else None
        if of_route == base and (base is not None or rule_id in groups[name].rule_ids):
            return groups[name]
    return None
