"""Plans notifications from the due notifications of instances, and groups them. Pure.

1. An instance whose rule has an open group joins it (notify_policy.py made it wait if the group was just notified). One that
   ended while it waited is listed in the next notification of the group.
2. Alerts of a route that groups them open or join the group of their labels' values.
3. What is related to a notified cause or consequence joins its thread (threads.py).
4. More than MAX_SINGLE others that begin in one cycle on one channel, or of one rule, open a group: one notification, one
   dedup key, one all-clear.
5. A group gets a follow-up when it grew, when its level rose, as a reminder, and, after the cooldown, when some members
   resolved. A channel gets its all-clear when every member that it was notified of resolved.
6. Each remaining instance is notified by itself; more than MAX_SINGLE reminders or all-clears in one cycle are one digest.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.context import Channels, Handling, handle_by_level
from callwatch.alerts.evaluation.groups import GROUP_WAITS, Group, find_group, find_open_groups, name_group
from callwatch.alerts.evaluation.instance import Change, Instance, NotifyReason, Planned, elapsed
from callwatch.alerts.evaluation.storms import MAX_SINGLE, list_storms
from callwatch.alerts.evaluation.threads import Relatives, find_thread, list_announced, list_clusters
from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.alert import rank_level

# Each incident in these channels has its own key: a digest can neither remind of one nor resolve it.
KEYED_CHANNELS = frozenset({"pagerduty", "opsgenie", "alertmanager"})
_BEGINS = ("firing", "flapping")


class Planner:
    """Plans the notifications of one evaluation, and records them in the instances."""

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        instances: dict[str, Instance],
        channels: Channels,
        silenced: Set[str],
        now: datetime,
        handling: Callable[[AlertRule, Instance], Handling] = handle_by_level,
        find_relatives: Callable[[], Relatives] = dict,
    ) -> None:
        self.rules, self.instances, self.channels, self.handling = rules, instances, channels, handling
        self.silenced, self.now = silenced, now
        self.find_relatives = find_relatives
        self.groups = find_open_groups(instances.values())
        # Alerts that were notified alone, under whose id a thread opens.
        self.leads: dict[str, str] = {}
        self.escalated: Mapping[str, Sequence[str]] = {}
        self.planned: list[Planned] = []

    def plan(self, changes: Sequence[Change]) -> None:
        """Plan the notifications that these changes are due; `instances` already holds their instances."""
        wishes = {change.instance.key: change.notify for change in changes if change.notify}
        begins = [key for key, wish in wishes.items() if wish in _BEGINS]
        relatives = self.find_relatives() if begins else {}
        over = {key for key, wish in wishes.items() if wish == "resolved"}
        joined: dict[str, dict[str, list[str]]] = {}
        by_route: dict[str, list[str]] = {}
        singles: list[str] = []
        for key in begins:
            if self._join_thread(key, relatives, over, joined):
                continue
            base = self._find_handling(key).group
            group = find_group(self.groups, self.instances[key].rule_id, base)
            if group is not None:
                joined.setdefault(group.name, {})[key] = self._list_due_channels(key, wishes[key])
            elif base is not None:
                by_route.setdefault(base, []).append(key)
            else:
                singles.append(key)
        for base, keys in by_route.items():
            self._open_group(keys, base)
        together = list_storms(singles, self._list_by_channel(singles), self.instances)
        stormy = {key for keys in together for key in keys}
        together += list_clusters([key for key in singles if key not in stormy], relatives)
        for keys in together:
            self._open_group(keys)
        opened = {key for keys in together for key in keys}
        singles = [key for key in singles if key not in opened]
        grouped = {key for group in self.groups.values() for key in group.keys}
        for name, group in sorted(self.groups.items()):
            self._follow_up(group, joined.get(name, {}), wishes)
        rest = {key: wish for key, wish in wishes.items() if key not in grouped and wish not in _BEGINS}
        self._notify_rest([key for key, wish in rest.items() if wish == "resolved"], "resolved")
        for key in singles:
            self._notify_single(key, wishes[key])
        for kind in ("reminder", "raised", "added", "escalated"):
            self._notify_rest([key for key, wish in rest.items() if wish == kind], kind)
        self._forget_closed_groups()

    def _join_thread(self, key: str, relatives: Relatives, over: Set[str], joined: dict[str, dict[str, list[str]]]) -> bool:
        """Let an instance join the thread of a relative; returns whether there is one. Then nothing else notifies it."""
        found = find_thread(key, relatives, self.instances, self.silenced, self.groups, self.now)
        if found is None:
            return False
        thread, first = found
        rule = self.rules[self.instances[key].rule_id]
        channels = list_announced(rule, self._list_channels(key), thread, self.instances, over)
        if channels:
            joined.setdefault(thread.name, {})[key] = channels
            if first is not None:
                self.groups[thread.name] = thread
                self.leads[thread.name] = first
                self.instances[first] = replace(self.instances[first], group=thread.name)
        return True

    def _open_group(self, keys: Sequence[str], base: str | None = None) -> None:
        ordered = self._sort_by_level(keys)
        name = name_group(base or ordered[0], self.now)
        by_channel = self._list_by_channel(ordered)
        self.planned.append(Planned("firing", by_channel, tuple(ordered), group=name))
        channels_of = _invert(by_channel)
        for key in ordered:
            self._note_firing(key, channels_of.get(key, ()), name)

    def _follow_up(self, group: Group, joining: Mapping[str, list[str]], wishes: Mapping[str, NotifyReason | None]) -> None:
        members = [self.instances[key] for key in group.keys]
        over = {each.key for each in members if wishes.get(each.key) == "resolved"}
        urgent = [key for key in group.keys if wishes.get(key) in ("raised", "reminder", "added", "escalated")]
        escalated = {channel for key in urgent if wishes[key] == "escalated" for channel in self.escalated[key]}
        is_cooled = group.last_notified_at is None or elapsed(group.last_notified_at, self.now) >= self._find_cooldown(group)
        due = {**joining, **{key: self._list_due_channels(key, wishes[key]) for key in urgent}}
        missed = self._list_missed(group, joining)
        wanted = {channel for channels in due.values() for channel in channels}
        firing: dict[str, tuple[str, ...]] = {}
        ended: dict[str, tuple[str, ...]] = {}
        for channel in sorted(wanted | {each for member in members for each in member.notified_channels or ()}):
            notified = [each.key for each in members if channel in (each.notified_channels or ())]
            leaving = [key for key in notified if key in over]
            staying = [key for key in notified if key not in over]
            # Silenced members, and members that became unknown before they resolved, keep the group open but are not listed.
            shown = [each.key for each in members if each.key not in over] if channel in escalated else staying
            listed = [key for key in shown if key not in self.silenced and self.instances[key].state == "firing"]
            passed = [key for key, channels in missed.items() if channel in channels]
            if channel in wanted:
                added = [key for key, channels in due.items() if channel in channels]
                firing[channel] = tuple(self._sort_by_level({*listed, *added, *leaving, *passed}))
            elif leaving and not staying:
                ended[channel] = tuple(self._sort_by_level({*leaving, *passed}))
            elif leaving and listed and is_cooled and not is_keyed(channel):
                firing[channel] = tuple(self._sort_by_level({*listed, *leaving, *passed}))
        kinds = {wishes[key] for key in urgent}
        if group.level is not None and any(self._rank(key) > rank_level(group.level) for key in joining):
            kinds.add("raised")
        loudest: Sequence[NotifyReason] = ("escalated", "raised", "reminder")
        kind: NotifyReason = next((each for each in loudest if each in kinds), "firing")
        self._add_follow_up(group, "resolved", ended, over | missed.keys())
        self._add_follow_up(group, kind, firing, over | missed.keys())
        for key in over:
            # A member that no channel was notified of needs no all-clear.
            if not self.instances[key].notified_channels:
                self._note_over(key, ())

    def _list_missed(self, group: Group, joining: Container[str]) -> dict[str, Sequence[str]]:
        """Return by key the channels of instances that began and ended while their notification waited for this group."""
        owed = [each.key for each in self.instances.values() if each.group == group.name and not each.is_notified]
        return {
            key: self._list_channels(key)
            for key in owed
            if key not in joining and key not in self.silenced and self.instances[key].state == "ok"
        }

    def _forget_closed_groups(self) -> None:
        """A group that got its all-clear mentions nothing any more."""
        open_groups = {each.group for each in self.instances.values() if each.is_notified}
        for key, instance in self.instances.items():
            if instance.group is not None and not instance.is_notified and instance.group not in open_groups:
                self.instances[key] = replace(instance, group=None)

    def _add_follow_up(self, group: Group, kind: NotifyReason, by_channel: Mapping[str, tuple[str, ...]], over: set[str]) -> None:
        if not by_channel:
            return
        keys = tuple(self._sort_by_level({key for found in by_channel.values() for key in found}))
        lead = self.leads.get(group.name)
        self.planned.append(Planned(kind, by_channel, keys, frozenset(over.intersection(keys)), group.name, lead))
        channels_of = _invert(by_channel)
        for key in keys:
            channels = channels_of[key]
            if key in over:
                self._note_over(key, channels)
            else:
                self._note_firing(key, channels, group.name)

    def _notify_single(self, key: str, kind: NotifyReason | None) -> None:
        assert kind is not None
        instance = self.instances[key]
        channels = self._list_due_channels(key, kind)
        is_over = kind == "resolved"
        by_channel = dict.fromkeys(channels, (key,))
        self.planned.append(Planned(kind, by_channel, (key,), frozenset((key,) if is_over else ())))
        if is_over:
            self._note_over(key, channels)
        else:
            self._note_firing(key, channels, instance.group, is_sent=kind != "added")

    def _notify_rest(self, keys: Sequence[str], kind: NotifyReason) -> None:
        """Notify each by itself, or send a digest if they are many."""
        if len(keys) <= MAX_SINGLE:
            for key in keys:
                self._notify_single(key, kind)
            return
        start = len(self.planned)
        for key in keys:
            self._notify_single(key, kind)
        singles, self.planned = self.planned[start:], self.planned[:start]
        by_channel: dict[str, set[str]] = {}
        for single in singles:
            keyed = {channel: found for channel, found in single.by_channel.items() if is_keyed(channel)}
            if keyed:
                self.planned.append(replace(single, by_channel=keyed))
            for channel in set(single.by_channel) - set(keyed):
                by_channel.setdefault(channel, set()).update(single.keys)
        ordered = self._sort_by_level(keys)
        whole = {channel: tuple(key for key in ordered if key in found) for channel, found in by_channel.items()}
        over = frozenset(ordered if kind == "resolved" else ())
        self.planned.append(Planned(kind, whole, tuple(ordered), over))

    def _list_by_channel(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        by_channel: dict[str, list[str]] = {}
        for key in keys:
            for channel in self._list_channels(key):
                by_channel.setdefault(channel, []).append(key)
        return {channel: tuple(found) for channel, found in by_channel.items()}

    def _list_due_channels(self, key: str, kind: NotifyReason | None) -> list[str]:
        """Return the channels that are due this notification."""
        notified = self.instances[key].notified_channels or ()
        if kind == "resolved":
            return list(notified)
        if kind == "escalated":
            return list(self.escalated[key])
        return [channel for channel in self._list_channels(key) if kind != "added" or channel not in notified]

    def _find_handling(self, key: str) -> Handling:
        instance = self.instances[key]
        return self.handling(self.rules[instance.rule_id], instance)

    def _list_channels(self, key: str) -> Sequence[str]:
        instance = self.instances[key]
        return self.channels(self.rules[instance.rule_id], instance)

    def _sort_by_level(self, keys: Iterable[str]) -> list[str]:
        def place(key: str) -> tuple[int, int, float, str]:
            instance = self.instances[key]
            return (instance.state != "firing", -self._rank(key), -instance.weight, key)

        return sorted(keys, key=place)

    def _rank(self, key: str) -> int:
        return rank_level(self.rules[self.instances[key].rule_id].level)

    def _find_cooldown(self, group: Group) -> timedelta:
        minutes = [self.rules[rule_id].cooldown_minutes for rule_id in group.rule_ids if rule_id in self.rules]
        return max(GROUP_WAITS, timedelta(minutes=max(minutes, default=0)))

    def _note_firing(self, key: str, channels: Iterable[str], group: str | None, is_sent: bool = True) -> None:
        instance = self.instances[key]
        notified = tuple(sorted({*(instance.notified_channels or ()), *channels}))
        instance = replace(instance, is_notified=True, notified_channels=notified, group=group)
        if is_sent:
            level = self.rules[instance.rule_id].level.value
            instance = replace(instance, is_muted=False, last_notified_at=self.now, notified_level=level)
        self.instances[key] = instance

    def _note_over(self, key: str, channels: Iterable[str]) -> None:
        instance = self.instances[key]
        left = tuple(channel for channel in instance.notified_channels or () if channel not in set(channels))
        self.instances[key] = replace(instance, notified_channels=left, last_cleared_at=self.now)
        if not left:
            self.instances[key] = replace(self.instances[key], is_notified=False, group=None)


def _invert(by_channel: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the channels of each key."""
    found: dict[str, list[str]] = {}
    for channel, keys in by_channel.items():
        for key in keys:
            found.setdefault(key, []).append(channel)
    return found


def is_keyed(channel: str) -> bool:
    """Whether a channel, or all of its kind, opens and closes each alert by a key of its own."""
    return channel.partition(":")[0] in KEYED_CHANNELS
