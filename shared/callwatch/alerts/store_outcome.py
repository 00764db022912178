"""Stores the outcome of one evaluation; a part that cannot be stored costs only its instance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from callwatch.alerts.alert_row import build_alert_row, build_figures
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.evaluation_work import Work, build_one, keep_one
from callwatch.alerts.guarded_writes import run_guarded
from callwatch.alerts.notifications.notification import describe_end
from callwatch.alerts.notifications.rendering import render_text
from callwatch.alerts.queue_planned import queue_planned
from callwatch.alerts.routing.routes_in_force import build_handling
from callwatch.alerts.rule_state import build_row
from callwatch.alerts.rules.host_calls import is_of_host
from callwatch.db.alert_queries.alert_transitions import Note, add_notes, open_alerts, reopen_alerts, resolve_alerts
from callwatch.db.alert_queries.alerts import AlertUpdate, NewAlert, update_alerts
from callwatch.db.alert_queries.rule_states import NewState, forget_states, keep_states, touch_states

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Transition:
    """An instance that begins to fire, or resolves. alert_id: of the alert that ends or goes on; row: of the one that begins."""

    instance: Instance
    alert_id: int | None
    row: NewAlert | None = None


def store_outcome(work: Work) -> None:
    """Store one round: transitions, reasons for silence, figures, notifications in the outbox, states."""
    transitions = _build_transitions(work)
    _store_all(work, transitions, partial(_store_transitions, work))
    _store_all(work, _list_mutes(work), lambda found: add_notes(work.conn, [note for notes in found for note in notes]))
    _update_firing(work, transitions)
    # After all transitions are stored, because a cause's message lists its followers.
    queue_planned(work)
    is_changed = {key: work.is_changed(key) for key in work.outcome.instances}
    _store_all(work, _build_state_rows(work, is_changed), lambda rows: keep_states(work.conn, rows))
    touch_states(work.conn, [key for key, changed in is_changed.items() if not changed and key not in work.skipped], work.now)
    instances = work.outcome.instances
    gone = [key for key, instance in work.known.items() if instance.rule_id in work.rule_ids and key not in instances]
    forget_states(work.conn, gone)


def _store_all(work: Work, rows: Mapping[str, Row], write: Callable[[list[Row]], None]) -> None:
    """Store all rows in one write; if that fails, one by one to find those that fail."""
    if not rows:
        return
    _none, error = run_guarded(work.conn, lambda: write(list(rows.values())))
    if error is not None:
        for key, row in rows.items():
            keep_one(work, key, partial(write, [row]))


def _build_state_rows(work: Work, is_changed: Mapping[str, bool]) -> dict[str, NewState]:
    rows: dict[str, NewState] = {}
    for key, instance in sorted(work.outcome.instances.items()):
        if is_changed[key]:
            row = build_one(work, key, partial(build_row, instance, work.alert_ids.get(key), work.now))
            if row is not None:
                rows[key] = row
    return rows


def _build_transitions(work: Work) -> dict[str, _Transition]:
    rows: dict[str, _Transition] = {}
    for change in work.outcome.changes:
        instance = change.instance
        alert_id = work.alert_ids.get(instance.key)
        if change.transition == "resolved" and alert_id is not None:
            rows[instance.key] = _Transition(instance, alert_id)
        elif change.transition == "firing":
            began_at = instance.began_at or work.now
            build = partial(build_alert_row, work.rules[instance.rule_id], instance, work.settings, began_at, work.failed)
            row = build_one(work, instance.key, build)
            if row is not None:
                rows[instance.key] = _Transition(instance, alert_id if change.is_reopened else None, row)
    return rows


def _store_transitions(work: Work, rows: Sequence[_Transition]) -> None:
    """Store what begins and ends: a statement for all of each kind. An alert that cannot go on begins again under another id."""
    conn, now = work.conn, work.now
    ends = {each.alert_id: each.instance for each in rows if each.row is None and each.alert_id is not None}
    ended = resolve_alerts(conn, {alert_id: instance.ended or "recovered" for alert_id, instance in ends.items()}, now)
    begin = [each for each in rows if each.row is not None]
    gone_on = reopen_alerts(conn, [each.alert_id for each in begin if each.alert_id is not None])
    opened = open_alerts(conn, [each.row for each in begin if each.row is not None and each.alert_id not in gone_on])
    notes = []
    for alert_id in sorted(ended):
        instance = ends[alert_id]
        kind = "resolved" if instance.ended is None else describe_end(instance.ended).lower()
        notes.append(Note(alert_id, now, kind, "callwatch", instance.ended_why))
    for each in begin:
        began = opened.get(each.instance.key, each.alert_id)
        if each.row is not None and began is not None:
            notes.append(Note(began, now, "firing", "callwatch", each.row["message"]))
    add_notes(conn, notes)
    work.alert_ids |= opened


def _list_mutes(work: Work) -> dict[str, list[Note]]:
    """Say for the timeline why a firing alert is not notified: it is inhibited, silenced, or in its cooldown."""
    silences = Silences(work.silences)
    found: dict[str, list[Note]] = {}
    for key, instance in work.outcome.instances.items():
        alert_id, before = work.alert_ids.get(key), work.known.get(key)
        if instance.state != "firing" or alert_id is None or key in work.skipped:
            continue
        notes = []
        if instance.suppressed_by and instance.suppressed_by != (before.suppressed_by if before else None):
            notes.append(Note(alert_id, work.now, "suppressed", "callwatch", f"inhibited by {instance.suppressed_by}"))
        if instance.is_muted and not (before and before.is_muted):
            silence = silences.find(instance)
            if silence is not None and silence.ends_at is not None:
                why = f"until {silence.ends_at.astimezone(UTC):%d %b %Y, %H:%M} UTC: {silence.reason}"
                notes.append(Note(alert_id, work.now, "silenced", silence.actor, why))
        if instance.held and not (before and before.held):
            why = f"until {datetime.fromisoformat(instance.held).astimezone(UTC):%H:%M} UTC by {_explain_hold(work, instance)}"
            notes.append(Note(alert_id, work.now, "held back", "callwatch", why))
        if notes:
            found[key] = notes
    return found


def _explain_hold(work: Work, instance: Instance) -> str:
    """Return what holds a notification back."""
    rule = work.rules[instance.rule_id]
    route = work.routes.find_for(rule, instance)
    if build_handling(route, rule, instance, work.now).quiet_until is not None:
        return f"the quiet hours of route {route.name}"
    return "its cooldown" if instance.last_notified_at is not None else f"the wait of route {route.name}"


def _update_firing(work: Work, transitions: Mapping[str, _Transition]) -> None:
    """Update value, message and cause of each firing alert in which one of them changed; one that began just now has them."""
    rows: dict[str, AlertUpdate] = {}
    for key, instance in work.outcome.instances.items():
        alert_id, before, rule = work.alert_ids.get(key), work.known.get(key), work.rules[instance.rule_id]
        if instance.state != "firing" or alert_id is None or key in work.skipped:
            continue
        cause_id = work.alert_ids.get(work.outcome.causes[key]) if key in work.outcome.causes else None
        begun = transitions.get(key)
        if begun is not None and begun.alert_id is None and cause_id is None:
            continue
        is_raised = before is not None and before.notified_level != instance.notified_level
        is_news = (
            before is None or _list_shown(before) != _list_shown(instance) or is_raised or instance.suppressed_by is not None
        )
        # A host's message function is called each time, since only so its failure is seen in each cycle.
        if is_news or is_of_host(rule.message):
            known = begun.row["message"] if begun is not None and begun.row is not None else None
            text = known or build_one(work, key, partial(render_text, rule, instance, work.failed))
            if text is None:
                continue
            rows[key] = {
                "id": alert_id,
                "message": text,
                "level": rule.level.value,
                "cause_id": cause_id,
                **build_figures(rule, instance),
                "suppressed_by": instance.suppressed_by,
            }
    _store_all(work, rows, lambda given: update_alerts(work.conn, given))


def _list_shown(instance: Instance) -> tuple[Any, ...]:
    figures = (instance.value, instance.metric, instance.comparison, instance.threshold)
    return (instance.state, *figures, instance.detail, instance.suppressed_by)
