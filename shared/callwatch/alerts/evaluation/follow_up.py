"""The next notification of an open group: what joined, is urgent or ended, by channel. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from callwatch.alerts.evaluation.groups import Group
from callwatch.alerts.evaluation.instance import Instance, NotifyReason, measure_elapsed
from callwatch.alerts.evaluation.planning import Planning
from callwatch.models.alert import is_keyed, rank_level

Wishes = Mapping[str, NotifyReason | None]
# The loudest of these names the notification.
_NAMING: Sequence[NotifyReason] = ("escalated", "raised", "reminder")
_URGENT = frozenset({*_NAMING, "added"})


@dataclass(slots=True)
class _Standing:
    """How a group stands: by key the due channels of its joining and urgent members, and of what came and went meanwhile.

    over: members whose all-clear is due. escalated: channels of an escalation, which are notified of every member that fires.
    """

    members: Sequence[Instance]
    over: Set[str]
    due: Mapping[str, Sequence[str]]
    missed: Mapping[str, Sequence[str]]
    escalated: Set[str]
    is_cooled: bool


def follow_up(plan: Planning, group: Group, joining: Mapping[str, Sequence[str]], wishes: Wishes) -> None:
    """Plan what is due to the channels of a group: one notification of what fires, and one all-clear where everything ended.

    joining: the due channels of the instances that join now. wishes: by instance the notification that it is due.
    """
    urgent = [key for key in group.keys if wishes.get(key) in _URGENT]
    standing = _Standing(
        members=[plan.instances[key] for key in group.keys],
        over={key for key in group.keys if wishes.get(key) == "resolved"},
        due={**joining, **{key: plan.list_due_channels(key, wishes[key]) for key in urgent}},
        missed=_list_missed(plan, group, joining),
        escalated={channel for key in urgent if wishes[key] == "escalated" for channel in plan.escalated[key]},
        is_cooled=group.last_notified_at is None
        or measure_elapsed(group.last_notified_at, plan.now) >= plan.find_cooldown(group),
    )
    wanted = {channel for channels in standing.due.values() for channel in channels}
    by_kind: dict[str, dict[str, tuple[str, ...]]] = {"firing": {}, "ended": {}}
    for channel in sorted(wanted | {each for member in standing.members for each in member.notified_channels or ()}):
        kind, keys = _list_for_channel(plan, standing, channel, channel in wanted)
        if kind is not None:
            by_kind[kind][channel] = tuple(plan.sort_by_level(keys))
    over = standing.over | standing.missed.keys()
    _add(plan, group, "resolved", by_kind["ended"], over)
    _add(plan, group, _find_kind(plan, group, joining, {wishes[key] for key in urgent}), by_kind["firing"], over)
    for key in standing.over:
        # A member that no channel was notified of needs no all-clear.
        if not plan.instances[key].notified_channels:
            plan.note_over(key, ())


def _list_for_channel(
    plan: Planning, standing: _Standing, channel: str, is_wanted: bool
) -> tuple[Literal["firing", "ended"] | None, Set[str]]:
    """Return whether a channel is notified of what fires, that everything ended, or of nothing (None), and what it lists."""
    notified = [each.key for each in standing.members if channel in (each.notified_channels or ())]
    leaving = {key for key in notified if key in standing.over}
    staying = [key for key in notified if key not in standing.over]
    # Silenced members, and members that became unknown before they resolved, keep the group open but are not listed.
    shown = [each.key for each in standing.members if each.key not in standing.over] if channel in standing.escalated else staying
    listed = {key for key in shown if key not in plan.silenced and plan.instances[key].state == "firing"}
    missed = {key for key, channels in standing.missed.items() if channel in channels}
    if is_wanted:
        return "firing", listed | {key for key, channels in standing.due.items() if channel in channels} | leaving | missed
    if leaving and not staying:
        return "ended", leaving | missed
    if leaving and listed and standing.is_cooled and not is_keyed(channel):
        return "firing", listed | leaving | missed
    return None, set()


def _find_kind(plan: Planning, group: Group, joining: Iterable[str], urgent: Set[NotifyReason | None]) -> NotifyReason:
    """Return the kind of the notification: the loudest of what is due. One that joins with a higher level raises the group's."""
    is_raised = group.level is not None and any(plan.rank(key) > rank_level(group.level) for key in joining)
    kinds = {*urgent, "raised"} if is_raised else urgent
    return next((each for each in _NAMING if each in kinds), "firing")


def _list_missed(plan: Planning, group: Group, joining: Container[str]) -> dict[str, Sequence[str]]:
    """Return by key the channels of instances that began and ended while their notification waited for this group."""
    owed = [each.key for each in plan.instances.values() if each.group == group.name and not each.is_notified]
    return {
        key: plan.list_channels(key)
        for key in owed
        if key not in joining and key not in plan.silenced and plan.instances[key].state == "ok"
    }


def _add(plan: Planning, group: Group, kind: NotifyReason, by_channel: Mapping[str, tuple[str, ...]], over: Set[str]) -> None:
    keys = plan.sort_by_level({key for found in by_channel.values() for key in found})
    if keys:
        plan.add_to_group(kind, by_channel, keys, group.name, over)
