"""Evaluates the rules and stores the result, notifications included, in one transaction.

`evaluate_rules` is the first half of the alert's way; `notifications/delivery.py` is the second.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from callwatch.alerts.evaluation.context import EVERYTHING, Context, Handling, Subjects
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Instance, Outcome
from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.evaluation_work import Work
from callwatch.alerts.guarded_writes import run_guarded, run_isolated
from callwatch.alerts.incidents.attach import attach_incidents
from callwatch.alerts.incidents.missed import add_missed
from callwatch.alerts.incidents.update import regroup
from callwatch.alerts.notifications.muted import withdraw_muted
from callwatch.alerts.notifications.surroundings import note_context
from callwatch.alerts.orphans import resolve_orphans
from callwatch.alerts.routing.digest import collect, send_due
from callwatch.alerts.routing.escalation import begin, find_due, mark_sent
from callwatch.alerts.routing.known_routes import add_groups, read_routes_in_force
from callwatch.alerts.routing.routes_in_force import build_handling, list_routed_channels
from callwatch.alerts.rule_state import is_damaged, load_instance
from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.own_rules import OwnRules
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules_in_force import join_rules, read_own_rules
from callwatch.alerts.store_outcome import store_outcome
from callwatch.client.capture import error_tracker
from callwatch.db import execute, lock_in_transaction
from callwatch.db.alert_queries.rule_states import StoredState, Switch, forget_rules, list_stored_states, read_switches
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection, extract_first_line
from callwatch.models.sample import Sample
from callwatch.settings import Settings, get_settings

# Shorter than the statement timeout of an evaluation: a lock held elsewhere is no fault of the database.
_WAIT_S = 5.0
# The second round stores what the first could not; a third is for failures that only the second shows.
_MAX_ROUNDS = 3
_MAX_REPORTED = 10
_log = logging.getLogger(__name__)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The counts of one evaluation.

    failed: rules that could not be evaluated or stored completely. incidents: those that are open; None if they could not be
    updated, which costs only them.
    """

    firing: int
    unknown: int
    fired: int
    resolved: int
    notified: int
    failed: int = 0
    incidents: int | None = None


def evaluate_rules(
    conn: AnyConnection,
    samples: Sequence[Sample],
    now: datetime,
    unread: Sequence[str] = (),
    only_metrics: frozenset[str] | None = None,
    complete: Sequence[str] = EVERYTHING,
    find_subjects: Callable[[Settings], Subjects] | None = None,
) -> Evaluated:
    """Evaluate the rules on these samples and store the result. One evaluation at a time; the caller commits.

    1. Sample: run the conditions that are written in Python, then take the lock and read the stored states.
    2. Withdraw queued notifications that are silenced by now (notifications/muted.py).
    3. Evaluate: compare samples to conditions, as pending, firing, resolved or unknown (evaluation/evaluate.py).
    4. Inhibit: a firing cause mutes the alerts that follow from it (evaluation/inhibition.py).
    5. Mute: silences mute what they match (evaluation/silences.py).
    6. Notify policy: decide by cooldown, repeat and level (evaluation/notify_policy.py), group (evaluation/planner.py).
    7. Store transitions, values and states, each instance behind a savepoint (store_outcome.py).
    8. Outbox: queue each planned notification per channel (queue_planned.py); `deliver_due` sends it after the commit.
    9. Incidents: group what fires by its causes (incidents/update.py), and name them in what was queued
       (incidents/attach.py); a failure there costs only the incidents.

    If an instance cannot be stored, steps 3 to 8 run again with that instance as unknown, so no half of it remains. A
    failing rule, instance or message costs only itself: it becomes unknown, with the reason.

    unread: prefixes of metrics that could not be read. only_metrics: evaluate only the rules about these. complete:
    prefixes of metrics whose list of samples is complete, so that an instance missing from it is clear. find_subjects: what is
    known of the subjects of alerts; without it none ends because its subject is gone.
    Raises LockUnavailable while another evaluation runs, and the errors that are the database's own.
    """
    own, own_error = run_guarded(conn, lambda: read_own_rules(conn))
    every_rule = join_rules(get_settings(), own or OwnRules())
    rule_ids = {rule.id for rule in every_rule if only_metrics is None or only_metrics.issuperset(rule.metrics)}
    switched, _error = run_guarded(conn, lambda: read_switches(conn))
    off = {rule_id: switch for rule_id, switch in (switched or {}).items() if not switch["is_enabled"]}
    failed: dict[str, str] = {}
    # Conditions in Python may be slow, so they run before the lock is taken.
    asked = [rule for rule in every_rule if rule.id in rule_ids and rule.id not in off]
    own_samples = [*alert_manager.measure_custom_samples(asked, failed=failed), *(own.samples if own is not None else [])]
    failed |= {rule_id: why for rule_id, why in (own.broken if own is not None else {}).items() if rule_id not in off}
    lock_in_transaction(conn, "evaluate", _WAIT_S)
    stored = list_stored_states(conn)
    work = _begin_work(conn, now, {rule.id: rule for rule in every_rule if rule.id not in off}, stored, rule_ids, failed)
    # Own rules that could not be read are not gone: nothing of theirs is ended.
    work.is_whole = only_metrics is None and own is not None
    work.errors += [own_error] if own_error is not None else []
    due, due_error = run_isolated(conn, lambda: find_due(conn, work.known, work.settings, now))
    work.escalations = due or work.escalations
    work.errors += [due_error] if due_error is not None else []
    outcome = _evaluate_and_store(work, [*samples, *own_samples], unread, complete, _find_guarded(work, find_subjects))
    _clean_up(work, off, sorted({row["rule_id"] for row in stored} - {rule.id for rule in every_rule}))
    # Not guarded: deliveries of a step are committed together with its mark, or not at all.
    mark_sent(conn, work.escalations, work.outcome, work.skipped, now)
    incidents = _update_incidents(work)
    _report(work)
    return Evaluated(
        firing=sum(instance.state == "firing" for instance in outcome.instances.values()),
        unknown=sum(instance.is_unknown for instance in outcome.instances.values()),
        fired=sum(change.transition == "firing" for change in outcome.changes),
        resolved=sum(change.transition == "resolved" for change in outcome.changes),
        notified=len(outcome.planned),
        failed=len(outcome.failed),
        incidents=incidents,
    )


def _begin_work(
    conn: AnyConnection,
    now: datetime,
    rules: Mapping[str, AlertRule],
    stored: Sequence[StoredState],
    rule_ids: set[str],
    failed: dict[str, str],
) -> Work:
    rows = [row for row in stored if row["rule_id"] in rules]
    damaged = {row["alert_key"] for row in rows if is_damaged(row)}
    if damaged:
        _log.warning("stored states are damaged", extra={"keys": sorted(damaged)[:10], "count": len(damaged)})
    silence_rows, _error = run_guarded(conn, lambda: list_silences_in_force(conn, now))
    silences = load_silences(silence_rows or [], now)
    known = {row["alert_key"]: load_instance(row) for row in rows}
    stored_ids = {row["alert_key"]: row["alert_id"] for row in rows}
    # Notifications in the outbox that are silenced by now are withdrawn; a failure there does not stop the evaluation.
    withdrawn, error = run_guarded(conn, lambda: withdraw_muted(conn, silences, known, stored_ids))
    settings = get_settings()
    # Alerts go on by the routes that were read last.
    routes, routes_error = read_routes_in_force(conn, settings)
    return Work(
        conn,
        now,
        settings,
        rules,
        known=withdrawn if withdrawn is not None else known,
        stored={row["alert_key"]: known[row["alert_key"]] for row in rows if row["alert_key"] not in damaged},
        stored_ids=stored_ids,
        rule_ids=rule_ids,
        is_whole=True,
        silences=silences,
        failed=failed,
        routes=routes,
        errors=[each for each in (error, routes_error) if each is not None],
    )


def _find_guarded(work: Work, find_subjects: Callable[[Settings], Subjects] | None) -> Subjects:
    """What is known of the subjects; a failure there must not stop the evaluation: then nothing ends because it is gone."""
    if find_subjects is None:
        return Subjects()
    found, error = run_guarded(work.conn, lambda: find_subjects(work.settings))
    work.errors += [error] if error is not None else []
    return found or Subjects()


def _evaluate_and_store(
    work: Work, samples: Sequence[Sample], unread: Sequence[str], complete: Sequence[str], subjects: Subjects
) -> Outcome:
    """Evaluate and store the outcome; if a part cannot be stored, start over with that part as unknown."""
    rule_ids = None if work.is_whole else frozenset(work.rule_ids)
    named = [*(sample.labels for sample in samples), *(instance.labels for instance in work.known.values())]
    completed, groups_error = run_isolated(work.conn, lambda: add_groups(work.conn, work.routes, named))
    routes = work.routes = completed or work.routes
    work.errors += [groups_error] if groups_error is not None else []

    # Of an alert's labels only the channel that it is about decides.
    channels: dict[tuple[int, str, str | None], Sequence[str]] = {}

    def find_channels(rule: AlertRule, instance: Instance) -> Sequence[str]:
        route = routes.find_for(rule, instance)
        asked = (id(route), rule.id, instance.labels.get("channel"))
        if asked not in channels:
            channels[asked] = list_routed_channels(route, rule, work.settings, instance.labels)
        return channels[asked]

    def find_handling(rule: AlertRule, instance: Instance) -> Handling:
        return build_handling(routes.find_for(rule, instance), rule, instance, work.now)

    execute(work.conn, "SAVEPOINT evaluation")
    for round_number in range(1, _MAX_ROUNDS + 1):
        failures = (len(work.broken), len(work.failed))
        context = Context(work.silences, unread, complete, rule_ids, work.broken, work.failed, find_channels, find_handling)
        context = replace(context, escalated=work.escalations.channels, subjects=subjects, is_clean=True)
        outcome = evaluate(list(work.rules.values()), samples, work.known, work.now, context)
        work.begin_round(outcome)
        work.failed |= work.outcome.failed
        store_outcome(work)
        if (len(work.broken), len(work.failed)) == failures or round_number == _MAX_ROUNDS:
            break
        execute(work.conn, "ROLLBACK TO SAVEPOINT evaluation")
    execute(work.conn, "RELEASE SAVEPOINT evaluation")
    return work.outcome


def _clean_up(work: Work, off: Mapping[str, Switch], gone_rules: Sequence[str]) -> None:
    """End the alerts that no rule evaluates any more, and record the context for later notifications."""
    conn, now, outcome = work.conn, work.now, work.outcome
    firing = {key for key, instance in outcome.instances.items() if instance.state == "firing"} if work.is_whole else None
    tasks: list[Callable[[], None]] = [lambda: resolve_orphans(conn, off, firing, Silences(work.silences), now)]
    if work.is_whole:
        tasks += [lambda: forget_rules(conn, gone_rules), lambda: note_context(conn, now)]
    for task in tasks:
        _none, error = run_guarded(conn, task)
        if error is not None:
            work.errors.append(error)


def _update_incidents(work: Work) -> int | None:
    """Update the incidents; returns how many are open, or None if that failed."""
    conn, settings = work.conn, work.settings
    _added, missed_error = run_isolated(conn, lambda: add_missed(conn, settings, work.now))
    is_open, error = run_isolated(conn, lambda: regroup(conn, work.outcome.above, settings, work.now))
    instances = work.outcome.instances.values()
    _begun, begin_error = run_isolated(conn, lambda: begin(conn, instances, work.rules, work.alert_ids, work.routes, work.now))
    _sent, digest_error = run_isolated(conn, lambda: _update_digests(work))
    _attached, attach_error = run_isolated(conn, lambda: attach_incidents(conn, settings))
    for each in filter(None, (missed_error, error, begin_error, digest_error, attach_error)):
        _log.error("the incidents could not be updated", extra={"why": f"{type(each).__name__}: {extract_first_line(each)}"})
        work.errors.insert(0, each)
    return is_open


def _update_digests(work: Work) -> None:
    instances = work.outcome.instances.values()
    collect(work.conn, instances, work.rules, work.alert_ids, work.routes, Silences(work.silences), work.settings, work.now)
    send_due(work.conn, work.settings, work.now)


def _report(work: Work) -> None:
    for error in [*work.outcome.errors, *work.errors][:_MAX_REPORTED]:
        error_tracker.track_error(error, context={"endpoint": "monitor.evaluate"})
    for rule_id, reason in work.outcome.failed.items():
        _log.warning("a rule could not be evaluated", extra={"rule_id": rule_id, "why": reason})
