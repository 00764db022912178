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

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from callwatch.alerts.evaluation.follow_up import Wishes, follow_up
from callwatch.alerts.evaluation.groups import find_group, name_group
from callwatch.alerts.evaluation.instance import Change, NotifyReason, Planned
from callwatch.alerts.evaluation.planning import Planning
from callwatch.alerts.evaluation.storms import MAX_SINGLE, list_storms
from callwatch.alerts.evaluation.threads import Relatives, find_thread, list_announced, list_clusters
from callwatch.models.alert import is_keyed

_BEGINS = ("firing", "flapping")


def plan_notifications(plan: Planning, changes: Sequence[Change], find_relatives: Callable[[], Relatives]) -> None:
    """Plan the notifications that these changes are due; the plan already holds their instances."""
    wishes = {change.instance.key: change.notify for change in changes if change.notify}
    begins = [key for key, wish in wishes.items() if wish in _BEGINS]
    relatives = find_relatives() if begins else {}
    joined, singles = _join_groups(plan, begins, wishes, relatives)
    singles = _open_storms(plan, singles, relatives)
    grouped = {key for group in plan.groups.values() for key in group.keys}
    for name, group in sorted(plan.groups.items()):
        follow_up(plan, group, joined.get(name, {}), wishes)
    rest = {key: wish for key, wish in wishes.items() if key not in grouped and wish not in _BEGINS}
    _notify_rest(plan, [key for key, wish in rest.items() if wish == "resolved"], "resolved")
    for key in singles:
        _notify_single(plan, key, wishes[key])
    for kind in ("reminder", "raised", "added", "escalated"):
        _notify_rest(plan, [key for key, wish in rest.items() if wish == kind], kind)
    _forget_closed_groups(plan)


def _join_groups(
    plan: Planning, begins: Sequence[str], wishes: Wishes, relatives: Relatives
) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Let what begins join the threads and groups that are open, and open the groups of routes.

    Returns by group the due channels of each instance that joins, and the instances that join nothing.
    """
    over = {key for key, wish in wishes.items() if wish == "resolved"}
    joined: dict[str, dict[str, list[str]]] = {}
    by_route: dict[str, list[str]] = {}
    singles: list[str] = []
    for key in begins:
        if _join_thread(plan, key, relatives, over, joined):
            continue
        base = plan.find_handling(key).group
        group = find_group(plan.groups, plan.instances[key].rule_id, base)
        if group is not None:
            joined.setdefault(group.name, {})[key] = plan.list_due_channels(key, wishes[key])
        elif base is not None:
            by_route.setdefault(base, []).append(key)
        else:
            singles.append(key)
    for base, keys in by_route.items():
        _open_group(plan, keys, base)
    return joined, singles


def _join_thread(plan: Planning, key: str, relatives: Relatives, over: Set[str], joined: dict[str, dict[str, list[str]]]) -> bool:
    """Let an instance join the thread of a relative; returns whether there is one. Then nothing else notifies it."""
    found = find_thread(key, relatives, plan.instances, plan.silenced, plan.groups, plan.now)
    if found is None:
        return False
    thread, first = found
    rule = plan.rules[plan.instances[key].rule_id]
    channels = list_announced(rule, plan.list_channels(key), thread, plan.instances, over)
    if channels:
        joined.setdefault(thread.name, {})[key] = channels
        if first is not None:
            plan.groups[thread.name] = thread
            plan.leads[thread.name] = first
            plan.instances[first] = plan.instances[first].change(group=thread.name)
    return True


def _open_storms(plan: Planning, singles: Sequence[str], relatives: Relatives) -> list[str]:
    """Open a group for each storm and for each cluster of relatives; returns the instances that are in none."""
    together = list_storms(singles, plan.list_by_channel(singles), plan.instances)
    stormy = {key for keys in together for key in keys}
    together += list_clusters([key for key in singles if key not in stormy], relatives)
    for keys in together:
        _open_group(plan, keys)
    opened = {key for keys in together for key in keys}
    return [key for key in singles if key not in opened]


def _open_group(plan: Planning, keys: Sequence[str], base: str | None = None) -> None:
    ordered = plan.sort_by_level(keys)
    plan.add_to_group("firing", plan.list_by_channel(ordered), ordered, name_group(base or ordered[0], plan.now))


def _forget_closed_groups(plan: Planning) -> None:
    """A group that got its all-clear mentions nothing any more."""
    open_groups = {each.group for each in plan.instances.values() if each.is_notified}
    for key, instance in plan.instances.items():
        if instance.group is not None and not instance.is_notified and instance.group not in open_groups:
            plan.instances[key] = instance.change(group=None)


def _notify_single(plan: Planning, key: str, kind: NotifyReason | None) -> None:
    assert kind is not None
    instance = plan.instances[key]
    channels = plan.list_due_channels(key, kind)
    is_over = kind == "resolved"
    by_channel = dict.fromkeys(channels, (key,))
    plan.planned.append(Planned(kind, by_channel, (key,), frozenset((key,) if is_over else ())))
    if is_over:
        plan.note_over(key, channels)
    else:
        plan.note_firing(key, channels, instance.group, is_sent=kind != "added")


def _notify_rest(plan: Planning, keys: Sequence[str], kind: NotifyReason) -> None:
    """Notify each by itself, or send a digest if they are many."""
    if len(keys) <= MAX_SINGLE:
        for key in keys:
            _notify_single(plan, key, kind)
        return
    start = len(plan.planned)
    for key in keys:
        _notify_single(plan, key, kind)
    singles = plan.planned[start:]
    del plan.planned[start:]
    by_channel: dict[str, set[str]] = {}
    for single in singles:
        keyed = {channel: found for channel, found in single.by_channel.items() if is_keyed(channel)}
        if keyed:
            plan.planned.append(replace(single, by_channel=keyed))
        for channel in set(single.by_channel) - set(keyed):
            by_channel.setdefault(channel, set()).update(single.keys)
    ordered = plan.sort_by_level(keys)
    whole = {channel: tuple(key for key in ordered if key in found) for channel, found in by_channel.items()}
    over = frozenset(ordered if kind == "resolved" else ())
    plan.planned.append(Planned(kind, whole, tuple(ordered), over))
