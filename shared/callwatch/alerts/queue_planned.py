"""Queues the planned notifications of one evaluation in the outbox, and notes them in the timelines of their alerts."""

from collections.abc import Mapping, Sequence
from functools import partial

from callwatch.alerts.evaluation.instance import Instance, Planned
from callwatch.alerts.evaluation_work import Work, build_one, keep_one
from callwatch.alerts.guarded_writes import run_guarded
from callwatch.alerts.notifications.group_rendering import MAX_MEMBERS, build_group
from callwatch.alerts.notifications.notification import Kind, Notification, Occasion, is_recovery
from callwatch.alerts.notifications.outbox import queue_delivery, queue_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.notifications.surroundings import Surroundings, list_recent_changes, read_surroundings, render_followers
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.alert_transitions import Note, add_notes
from callwatch.db.alert_queries.alerts import get_group_id, set_group

_OCCASIONS: Mapping[str, Occasion] = {
    "flapping": "flapping",
    "reminder": "reminder",
    "raised": "raised",
    "escalated": "escalated",
}


def queue_planned(work: Work) -> None:
    """Queue everything planned; a part that cannot be stored costs only its own instances."""
    planned_now = work.outcome.planned
    around, error = run_guarded(work.conn, lambda: read_surroundings(work.conn, work.now)) if planned_now else (None, None)
    if error is not None:
        work.errors.append(error)
    # The groups that were notified before this evaluation.
    open_groups = {each.group for each in work.known.values()} - {None}
    for planned in planned_now:
        for key in _list_rendered(planned):
            build_one(work, key, partial(_try_words, work, planned, key))
        keys = [key for key in planned.keys if key not in work.skipped and work.alert_ids.get(key) is not None]
        if not keys:
            continue
        if len(keys) == 1 and planned.lead is None and planned.group not in open_groups:
            keep_one(work, keys[0], partial(_queue_single, work, planned, keys[0], around))
            continue
        _none, error = run_guarded(work.conn, partial(_queue_several, work, planned, keys, around, planned.group in open_groups))
        if error is not None:
            for key in keys:
                work.give_up(key, error)


def _list_rendered(planned: Planned) -> list[str]:
    """Return the alerts of several that their notification shows, in whole and by channel."""
    shown = [planned.keys, *planned.by_channel.values()]
    return list(dict.fromkeys(key for keys in shown for key in keys[:MAX_MEMBERS]))


def _try_words(work: Work, planned: Planned, key: str) -> None:
    """Render each alert of several alone, to find the one whose rendering fails."""
    if len(planned.keys) > 1 and work.alert_ids.get(key) is not None:
        _build_one(work, planned, key, [])


def _queue_single(work: Work, planned: Planned, key: str, around: Surroundings | None) -> None:
    notes = _list_notes(work, key, around) if key not in planned.over else []
    notification = _build_one(work, planned, key, notes)
    alert_id = work.alert_ids[key]
    queue_notification(work.conn, alert_id, notification, planned.by_channel, work.now)
    if planned.group is not None and alert_id is not None:
        # The first of a group: those that join later are notified under its id.
        set_group(work.conn, [alert_id], alert_id)
    add_notes(work.conn, [_build_note(work, planned, key, "\n".join(notes) or None)])


def _queue_several(work: Work, planned: Planned, keys: Sequence[str], around: Surroundings | None, is_open: bool) -> None:
    """Queue one notification per channel about its alerts, under the id of the group, or else of the worst alert."""
    ids = {key: alert_id for key in keys if (alert_id := work.alert_ids[key]) is not None}
    lead = ids[keys[0]]
    if planned.group is not None:
        lead = _find_lead(work, planned, ids, is_open) or lead
        set_group(work.conn, [*ids.values(), lead], lead)
    notes = _list_notes(work, keys[0], around) if keys[0] not in planned.over else []
    whole = build_group(
        _find_occasion(planned), lead, _list_subjects(work, planned, keys, ids), work.settings, work.now, notes, work.failed
    )
    queue_notification(work.conn, lead, whole, (), work.now, list(ids.values()))
    for channel, channel_keys in planned.by_channel.items():
        known = [key for key in channel_keys if key in ids]
        if planned.group is None and len(known) == 1:
            single = _build_one(work, planned, known[0], [])
            queue_delivery(work.conn, ids[known[0]], single, channel, work.now)
        elif known:
            subjects = _list_subjects(work, planned, known, ids)
            part = build_group(_find_occasion(planned), lead, subjects, work.settings, work.now, notes, work.failed)
            queue_delivery(work.conn, lead, part, channel, work.now, [ids[key] for key in known])
    add_notes(work.conn, [_build_note(work, planned, key, f"in one notification of {len(keys)} alerts") for key in keys])
    left = [ids[key] for key in keys if work.outcome.instances[key].group is None and planned.group is not None]
    set_group(work.conn, left, None)


def _find_lead(work: Work, planned: Planned, ids: Mapping[str, int], is_open: bool) -> int | None:
    """Return the alert id under which a group was notified before; None if it was not."""
    if planned.lead is not None:
        return work.alert_ids.get(planned.lead)
    return get_group_id(work.conn, list(ids.values())) if is_open else None


def _build_one(work: Work, planned: Planned, key: str, notes: Sequence[str]) -> Notification:
    instance = work.outcome.instances[key]
    rule = work.rules[instance.rule_id]
    kind: Kind = "alert.resolved" if key in planned.over else "alert.firing"
    cause = _find_unheard_cause(work, key) if kind == "alert.firing" else None
    alert_id = work.alert_ids[key]
    assert alert_id is not None
    occasion = _OCCASIONS.get(planned.kind, "first")
    return build_notification(
        kind, alert_id, rule, instance, work.settings, work.now, notes, work.failed, occasion=occasion, cause=cause
    )


def _list_subjects(
    work: Work, planned: Planned, keys: Sequence[str], ids: Mapping[str, int]
) -> list[tuple[AlertRule, Instance, int, bool]]:
    """Return rule, instance, alert id and whether it is resolved, for each member."""
    found = [(work.outcome.instances[key], key) for key in keys]
    return [(work.rules[each.rule_id], each, ids[key], key in planned.over) for each, key in found]


def _find_occasion(planned: Planned) -> Occasion:
    is_update = planned.kind == "firing" and bool(planned.over)
    return "update" if is_update else _OCCASIONS.get(planned.kind, "first")


def _find_unheard_cause(work: Work, key: str) -> str | None:
    """Return the title of a cause that does not inhibit the instance because nobody was notified of it."""
    cause = work.outcome.causes.get(key)
    if cause is None or work.outcome.instances[key].suppressed_by is not None:
        return None
    instance = work.outcome.instances.get(cause) or work.known.get(cause)
    return work.rules[instance.rule_id].name if instance and instance.rule_id in work.rules else None


def _list_notes(work: Work, key: str, around: Surroundings | None) -> list[str]:
    """List recent changes, and the alerts that this one inhibits."""
    instance = work.outcome.instances[key]
    found = list_recent_changes(around, instance) if around is not None else []
    followers = [work.outcome.instances.get(each) for each in work.followers.get(key, ())]
    return [*found, *render_followers((work.rules[each.rule_id], each) for each in followers if each)]


def _build_note(work: Work, planned: Planned, key: str, details: str | None) -> Note:
    alert_id = work.alert_ids[key]
    assert alert_id is not None
    is_ended = not is_recovery(work.outcome.instances[key].ended)
    kind = ("ended" if is_ended else "resolved") if key in planned.over else planned.kind
    return Note(alert_id, work.now, f"notified: {kind}", "callwatch", details)
