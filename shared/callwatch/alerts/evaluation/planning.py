"""The state of one planning: who is notified where, and what is recorded of it in the instances. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from types import MappingProxyType

from callwatch.alerts.evaluation.context import Channels, Handling, handle_by_level
from callwatch.alerts.evaluation.groups import GROUP_WAITS, Group, find_open_groups
from callwatch.alerts.evaluation.instance import Instance, NotifyReason, Planned
from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.alert import rank_level


class Planning:
    """The instances of one evaluation while their notifications are planned; what is planned is recorded in them.

    leads: by thread the alert that was notified alone, under whose id it opens. escalated: by instance the channels of its
    escalation.
    """

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        instances: dict[str, Instance],
        channels: Channels,
        silenced: Set[str],
        now: datetime,
        handling: Callable[[AlertRule, Instance], Handling] = handle_by_level,
        escalated: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self.rules, self.instances, self.channels, self.handling = rules, instances, channels, handling
        self.silenced, self.now, self.escalated = silenced, now, escalated
        self.groups = find_open_groups(instances.values())
        self.leads: dict[str, str] = {}
        self.planned: list[Planned] = []

    def add_to_group(
        self,
        kind: NotifyReason,
        by_channel: Mapping[str, tuple[str, ...]],
        keys: Sequence[str],
        group: str,
        over: Set[str] = frozenset(),
    ) -> None:
        """Plan a notification of a group, and record it in its instances. over: those whose all-clear it is."""
        ended = frozenset(each for each in keys if each in over)
        self.planned.append(Planned(kind, by_channel, tuple(keys), ended, group, self.leads.get(group)))
        channels_of = _invert(by_channel)
        for key in keys:
            if key in ended:
                self.note_over(key, channels_of.get(key, ()))
            else:
                self.note_firing(key, channels_of.get(key, ()), group)

    def list_by_channel(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        by_channel: dict[str, list[str]] = {}
        for key in keys:
            for channel in self.list_channels(key):
                by_channel.setdefault(channel, []).append(key)
        return {channel: tuple(found) for channel, found in by_channel.items()}

    def list_due_channels(self, key: str, kind: NotifyReason | None) -> list[str]:
        """Return the channels that are due this notification."""
        notified = self.instances[key].notified_channels or ()
        if kind == "resolved":
            return list(notified)
        if kind == "escalated":
            return list(self.escalated[key])
        return [channel for channel in self.list_channels(key) if kind != "added" or channel not in notified]

    def find_handling(self, key: str) -> Handling:
        instance = self.instances[key]
        return self.handling(self.rules[instance.rule_id], instance)

    def list_channels(self, key: str) -> Sequence[str]:
        instance = self.instances[key]
        return self.channels(self.rules[instance.rule_id], instance)

    def sort_by_level(self, keys: Iterable[str]) -> list[str]:
        def place(key: str) -> tuple[int, int, float, str]:
            instance = self.instances[key]
            return (instance.state != "firing", -self.rank(key), -instance.weight, key)

        return sorted(keys, key=place)

    def rank(self, key: str) -> int:
        return rank_level(self.rules[self.instances[key].rule_id].level)

    def find_cooldown(self, group: Group) -> timedelta:
        minutes = [self.rules[rule_id].cooldown_minutes for rule_id in group.rule_ids if rule_id in self.rules]
        return max(GROUP_WAITS, timedelta(minutes=max(minutes, default=0)))

    def note_firing(self, key: str, channels: Iterable[str], group: str | None, is_sent: bool = True) -> None:
        instance = self.instances[key]
        notified = tuple(sorted({*(instance.notified_channels or ()), *channels}))
        instance = instance.change(is_notified=True, notified_channels=notified, group=group)
        if is_sent:
            level = self.rules[instance.rule_id].level.value
            instance = instance.change(is_muted=False, last_notified_at=self.now, notified_level=level)
        self.instances[key] = instance

    def note_over(self, key: str, channels: Iterable[str]) -> None:
        instance = self.instances[key]
        left = tuple(channel for channel in instance.notified_channels or () if channel not in set(channels))
        self.instances[key] = instance.change(notified_channels=left, last_cleared_at=self.now)
        if not left:
            self.instances[key] = self.instances[key].change(is_notified=False, group=None)


def _invert(by_channel: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the channels of each key."""
    found: dict[str, list[str]] = {}
    for channel, keys in by_channel.items():
        for key in keys:
            found.setdefault(key, []).append(channel)
    return found
