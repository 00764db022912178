"""Stores the outcome of one evaluation; a part that cannot be stored costs only its instance."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from callwatch.alerts.alert_row import build_alert_row, build_figures
from callwatch.alerts.evaluation.instance import Change, Instance
from callwatch.alerts.evaluation.silences import Silences
from callwatch.alerts.evaluation_work import Work, keep_one
from callwatch.alerts.guarded_writes import run_guarded
from callwatch.alerts.notifications.notification import describe_end
from callwatch.alerts.notifications.rendering import render_text
from callwatch.alerts.queue_planned import queue_planned
from callwatch.alerts.routing.routes_in_force import build_handling
from callwatch.alerts.rule_state import build_row
from callwatch.db.alert_queries.alerts import AlertUpdate, add_timeline, open_alert, reopen_alert, resolve_alert, update_alerts
from callwatch.db.alert_queries.rule_states import NewState, forget_states, keep_states

Row = TypeVar("Row")


def store_outcome(work: Work) -> None:
    """Store one round: transitions, reasons for silence, figures, notifications in the outbox, states."""
    for change in work.outcome.changes:
        if change.transition:
            keep_one(work, change.instance.key, partial(_store_transition, work, change))
    _note_mutes(work)
    _update_firing(work)
    # After all transitions are stored, because a cause's message lists its followers.
    queue_planned(work)
    _store_all(work, _build_state_rows(work), lambda rows: keep_states(work.conn, rows))
    instances = work.outcome.instances
    gone = [key for key, instance in work.known.items() if instance.rule_id in work.rule_ids and key not in instances]
    forget_states(work.conn, gone)


def _store_all(work: Work, rows: Mapping[str, Row], write: Callable[[list[Row]], None]) -> None:
    """Store all rows in one write; if that fails, one by one to find those that fail."""
    _none, error = run_guarded(work.conn, lambda: write(list(rows.values())))
    if error is not None:
        for key, row in rows.items():
            keep_one(work, key, partial(write, [row]))


def _build_state_rows(work: Work) -> dict[str, NewState]:
    rows: dict[str, NewState] = {}
    for key, instance in sorted(work.outcome.instances.items()):
        if key not in work.skipped:
            try:
                rows[key] = build_row(instance, work.alert_ids.get(key), work.now)
            except Exception as error:
                work.give_up(key, error)
    return rows


def _store_transition(work: Work, change: Change) -> None:
    conn, now, instance = work.conn, work.now, change.instance
    rule, alert_id = work.rules[instance.rule_id], work.alert_ids.get(instance.key)
    if change.transition == "resolved":
        if alert_id is not None and resolve_alert(conn, alert_id, now, instance.ended or "recovered"):
            kind = "resolved" if instance.ended is None else describe_end(instance.ended).lower()
            add_timeline(conn, alert_id, now, kind, "callwatch", instance.ended_why)
        return
    if not (change.is_reopened and alert_id is not None and reopen_alert(conn, alert_id)):
        alert_id = work.alert_ids[instance.key] = open_alert(
            conn, build_alert_row(rule, instance, work.settings, instance.began_at or now, work.failed)
        )
    add_timeline(conn, alert_id, now, "firing", "callwatch", render_text(rule, instance, work.failed))


def _note_mutes(work: Work) -> None:
    """Record in the timeline why a firing alert is not notified: it is inhibited, silenced, or in its cooldown."""
    silences = Silences(work.silences)
    for key, instance in work.outcome.instances.items():
        alert_id, before = work.alert_ids.get(key), work.known.get(key)
        if instance.state != "firing" or alert_id is None:
            continue
        if instance.suppressed_by and instance.suppressed_by != (before.suppressed_by if before else None):
            why = f"inhibited by {instance.suppressed_by}"
            keep_one(work, key, partial(add_timeline, work.conn, alert_id, work.now, "suppressed", "callwatch", why))
        if instance.is_muted and not (before and before.is_muted):
            silence = silences.find(instance)
            if silence is not None and silence.ends_at is not None:
                why = f"until {silence.ends_at.astimezone(UTC):%d %b %Y, %H:%M} UTC: {silence.reason}"
                keep_one(work, key, partial(add_timeline, work.conn, alert_id, work.now, "silenced", silence.actor, why))
        if instance.held and not (before and before.held):
            why = f"until {datetime.fromisoformat(instance.held).astimezone(UTC):%H:%M} UTC by {_explain_hold(work, instance)}"
            keep_one(work, key, partial(add_timeline, work.conn, alert_id, work.now, "held back", "callwatch", why))


def _explain_hold(work: Work, instance: Instance) -> str:
    """Return what holds a notification back."""
    rule = work.rules[instance.rule_id]
    route = work.routes.find_for(rule, instance)
    if build_handling(route, rule, instance, work.now).quiet_until is not None:
        return f"the quiet hours of route {route.name}"
    return "its cooldown" if instance.last_notified_at is not None else f"the wait of route {route.name}"


def _update_firing(work: Work) -> None:
    """Update value, message and cause of each firing alert in which one of them changed."""
    rows: dict[str, AlertUpdate] = {}
    for key, instance in work.outcome.instances.items():
        alert_id, before, rule = work.alert_ids.get(key), work.known.get(key), work.rules[instance.rule_id]
        if instance.state != "firing" or alert_id is None or key in work.skipped:
            continue
        cause_id = work.alert_ids.get(work.outcome.causes[key]) if key in work.outcome.causes else None
        is_raised = before is not None and before.notified_level != instance.notified_level
        is_news = (
            before is None or _list_shown(before) != _list_shown(instance) or is_raised or instance.suppressed_by is not None
        )
        # A message function is called each time, since only so its failure is seen in each cycle.
        if is_news or callable(rule.message):
            try:
                text = render_text(rule, instance, work.failed)
            except Exception as error:
                work.give_up(key, error)
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
