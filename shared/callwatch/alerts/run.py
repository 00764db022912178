"""The evaluation with its state: read, judge, keep, and put notifications into the outbox, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.context import Surroundings, changed_lately, followers_line, note_context, surroundings
from callwatch.alerts.evaluate import evaluate
from callwatch.alerts.instance import Change, Instance, Outcome
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import payload_of, runbook_of, text_of
from callwatch.alerts.orphans import resolve_orphans
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.rule import AlertRule
from callwatch.alerts.state import instance_of, row_of, silence_of
from callwatch.db import lock_in_transaction
from callwatch.db.alerts import add_timeline, open_alert, reopen_alert, resolve_alert, update_alerts
from callwatch.db.connect import AnyConnection
from callwatch.db.rule_states import active_silences, forget_rules, forget_states, keep_states, stored_states, switches
from callwatch.models.facts import Fact
from callwatch.settings import Settings, get_settings

# Shorter than the statement timeouts of whoever judges: that the lock is in other hands is no fault of the database.
_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What one evaluation did."""

    firing: int
    unknown: int
    fired: int
    resolved: int
    notified: int


@dataclass(slots=True)
class _Work:
    """What the keeping of one evaluation's outcome needs to know."""

    conn: AnyConnection
    now: datetime
    settings: Settings
    rules: Mapping[str, AlertRule]
    known: Mapping[str, Instance]
    outcome: Outcome
    alert_ids: dict[str, int | None]
    silences: Sequence[Mapping[str, Any]]
    # key of a cause to the keys of what follows from it
    followers: dict[str, list[str]] = field(default_factory=dict)


def evaluate_rules(
    conn: AnyConnection,
    facts: Sequence[Fact],
    now: datetime,
    unread: Sequence[str] = (),
    only_metrics: frozenset[str] | None = None,
) -> Evaluated:
    """Judge the rules on these facts, and keep what follows. One evaluator at a time; the caller commits.

    unread: prefixes of metrics that could not be read. only_metrics: judge just the rules that are judged by these.
    Raises LockUnavailable while another one judges.
    """
    settings = get_settings()
    every_rule = alert_manager.rules(settings)
    judged = {rule.id for rule in every_rule if only_metrics is None or only_metrics.issuperset(rule.metrics)}
    off = {rule_id: switch for rule_id, switch in switches(conn).items() if not switch["is_enabled"]}
    # Conditions in Python may take their time: nobody waits for the lock meanwhile.
    own_facts = alert_manager.custom_facts([rule for rule in every_rule if rule.id in judged and rule.id not in off])
    lock_in_transaction(conn, "evaluate", _WAIT_S)
    rules = {rule.id: rule for rule in every_rule if rule.id not in off}
    stored = stored_states(conn)
    rows = [row for row in stored if row["rule_id"] in rules]
    known = {row["alert_key"]: instance_of(row) for row in rows}
    silence_rows = active_silences(conn, now)
    silences = [silence_of(row["matchers"]) for row in silence_rows]
    is_whole = only_metrics is None
    outcome = evaluate(
        list(rules.values()),
        [*facts, *own_facts],
        known,
        now,
        silences,
        unread,
        None if is_whole else frozenset(judged),
    )
    alert_ids = {row["alert_key"]: row["alert_id"] for row in rows}
    work = _Work(conn, now, settings, rules, known, outcome, alert_ids, silence_rows)
    for effect, cause in outcome.causes.items():
        work.followers.setdefault(cause, []).append(effect)
    _keep(work, judged)
    firing = {key for key, instance in outcome.instances.items() if instance.state == "firing"}
    resolve_orphans(conn, off, firing if is_whole else None, silences, now)
    if is_whole:
        forget_rules(conn, sorted({row["rule_id"] for row in stored} - {rule.id for rule in every_rule}))
        note_context(conn, now)
    return Evaluated(
        firing=sum(instance.state == "firing" for instance in outcome.instances.values()),
        unknown=sum(instance.is_unknown for instance in outcome.instances.values()),
        fired=sum(change.transition == "firing" for change in outcome.changes),
        resolved=sum(change.transition == "resolved" for change in outcome.changes),
        notified=sum(change.notify is not None for change in outcome.changes),
    )


def _keep(work: _Work, judged: set[str]) -> None:
    for change in work.outcome.changes:
        if change.transition:
            _keep_transition(work, change)
    _keep_mutes(work)
    _keep_present(work)
    # Told when all transitions are kept: a cause's message lists what follows from it.
    notices = [change for change in work.outcome.changes if change.notify]
    around = surroundings(work.conn, work.now) if notices else None
    for change in notices:
        _keep_notice(work, change, around)
    instances = work.outcome.instances
    keep_states(work.conn, [row_of(instances[key], work.alert_ids.get(key), work.now) for key in sorted(instances)])
    gone = [key for key, instance in work.known.items() if instance.rule_id in judged and key not in instances]
    forget_states(work.conn, gone)


def _keep_transition(work: _Work, change: Change) -> None:
    conn, now, instance = work.conn, work.now, change.instance
    rule, alert_id = work.rules[instance.rule_id], work.alert_ids.get(instance.key)
    if change.transition == "resolved":
        if alert_id is not None and resolve_alert(conn, alert_id, now):
            add_timeline(conn, alert_id, now, "resolved", "callwatch", None)
        return
    if not (change.is_reopened and alert_id is not None and reopen_alert(conn, alert_id)):
        alert_id = work.alert_ids[instance.key] = open_alert(conn, _alert_row(rule, instance, work.settings, now))
    add_timeline(conn, alert_id, now, "firing", "callwatch", text_of(rule, instance))


def _keep_mutes(work: _Work) -> None:
    """Why a firing alert is not told from now on: it follows from another one, or somebody silenced it."""
    for key, instance in work.outcome.instances.items():
        alert_id, before = work.alert_ids.get(key), work.known.get(key)
        if instance.state != "firing" or alert_id is None:
            continue
        if instance.suppressed_by and instance.suppressed_by != (before.suppressed_by if before else None):
            add_timeline(work.conn, alert_id, work.now, "suppressed", "callwatch", f"follows from {instance.suppressed_by}")
        if instance.is_muted and not (before and before.is_muted):
            row = next((row for row in work.silences if silence_of(row["matchers"]).matches(instance)), None)
            if row is not None:
                until = f"until {row['ends_at'].astimezone(UTC):%d %b %Y, %H:%M} UTC: {row['reason']}"
                add_timeline(work.conn, alert_id, work.now, "silenced", row["actor"], until)


def _keep_present(work: _Work) -> None:
    """The present value, text and cause of each firing alert in which one of them changed."""
    rows = []
    for key, instance in work.outcome.instances.items():
        alert_id, before = work.alert_ids.get(key), work.known.get(key)
        cause_id = work.alert_ids.get(work.outcome.causes[key]) if key in work.outcome.causes else None
        is_news = before is None or _shown(before) != _shown(instance) or instance.suppressed_by is not None
        if instance.state == "firing" and alert_id is not None and is_news:
            text = text_of(work.rules[instance.rule_id], instance)
            rows.append((alert_id, instance.value, text, instance.suppressed_by, cause_id))
    update_alerts(work.conn, rows)


def _shown(instance: Instance) -> tuple[Any, ...]:
    return (instance.state, instance.value, instance.threshold, instance.detail, instance.suppressed_by)


def _keep_notice(work: _Work, change: Change, around: Surroundings | None) -> None:
    conn, now, instance = work.conn, work.now, change.instance
    alert_id = work.alert_ids.get(instance.key)
    if alert_id is None:
        return
    rule = work.rules[instance.rule_id]
    kind = "alert.resolved" if change.notify == "resolved" else "alert.firing"
    more: list[str] = []
    if kind == "alert.firing" and around is not None:
        more += changed_lately(around, instance)
        followers = [work.outcome.instances.get(key) for key in work.followers.get(instance.key, ())]
        more += followers_line((work.rules[each.rule_id], each) for each in followers if each)
    payload = payload_of(kind, alert_id, rule, instance, work.settings, now, more)
    if change.notify in ("flapping", "reminder"):
        prefix = "Flapping: " if change.notify == "flapping" else "Still firing: "
        payload["data"]["message"] = prefix + payload["data"]["message"]
    queue_notification(conn, alert_id, rule, payload, work.settings, now)
    add_timeline(conn, alert_id, now, f"notified: {change.notify}", "callwatch", "\n".join(more) or None)


def _alert_row(rule: AlertRule, instance: Instance, settings: Settings, now: datetime) -> dict[str, Any]:
    return {
        "alert_key": instance.key,
        "rule_id": rule.id,
        "title": rule.name,
        "level": rule.level.value,
        "message": text_of(rule, instance),
        "value": instance.value,
        "threshold": instance.threshold,
        "service": instance.labels.get("service"),
        "labels": dict(instance.labels),
        "started_at": instance.began_at or now,
        "suppressed_by": instance.suppressed_by,
        "runbook_url": runbook_of(rule, settings),
    }
