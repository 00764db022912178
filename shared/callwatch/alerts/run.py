"""The evaluation with its state: read, judge, keep, and put notifications into the outbox, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.alerts.evaluate import Change, Instance, Silence, evaluate
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import payload_of, runbook_url, text_of
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.rule import AlertRule
from callwatch.db import lock_in_transaction
from callwatch.db.alerts import add_timeline, open_alert, resolve_alert, update_alert
from callwatch.db.connect import AnyConnection
from callwatch.db.rule_states import active_silences, disabled_rules, forget_states, keep_state, stored_states
from callwatch.models.facts import Fact
from callwatch.settings import Settings, get_settings

_TIMES = ("since", "clear_since", "began_at", "last_notified_at")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What one evaluation did."""

    firing: int
    unknown: int
    fired: int
    resolved: int
    notified: int


def evaluate_rules(
    conn: AnyConnection,
    facts: Sequence[Fact],
    now: datetime,
    unread: Sequence[str] = (),
    only_metrics: frozenset[str] | None = None,
) -> Evaluated:
    """Judge the rules on these facts, and keep what follows. One evaluator at a time; the caller commits.

    unread: prefixes of metrics that could not be read. only_metrics: judge just the rules that are judged by these.
    """
    lock_in_transaction(conn, "evaluate")
    settings = get_settings()
    off = disabled_rules(conn)
    rules = [
        rule
        for rule in alert_manager.rules(settings)
        if rule.id not in off and (only_metrics is None or only_metrics.issuperset(rule.metrics))
    ]
    chosen = {rule.id: rule for rule in rules}
    rows = [row for row in stored_states(conn) if row["rule_id"] in chosen]
    known = {row["alert_key"]: _instance_of(row) for row in rows}
    alert_ids = {row["alert_key"]: row["alert_id"] for row in rows}
    _resolve_switched_off(conn, off, now)
    silences = [_silence_of(row["matchers"]) for row in active_silences(conn, now)]
    every_fact = [*facts, *alert_manager.custom_facts(rules)]
    outcome = evaluate(rules, every_fact, known, now, silences, unread)
    for change in outcome.changes:
        key = change.instance.key
        alert_ids[key] = _keep_change(conn, chosen[change.instance.rule_id], change, alert_ids.get(key), settings, now)
    for key, instance in outcome.instances.items():
        _keep_instance(conn, chosen[instance.rule_id], instance, alert_ids.get(key), now)
    _forget_idle(conn, outcome.instances, every_fact, chosen)
    return Evaluated(
        firing=sum(instance.state == "firing" for instance in outcome.instances.values()),
        unknown=sum(instance.is_unknown for instance in outcome.instances.values()),
        fired=sum(change.transition == "firing" for change in outcome.changes),
        resolved=sum(change.transition == "resolved" for change in outcome.changes),
        notified=sum(change.notify is not None for change in outcome.changes),
    )


def _keep_change(
    conn: AnyConnection, rule: AlertRule, change: Change, alert_id: int | None, settings: Settings, now: datetime
) -> int | None:
    instance = change.instance
    if change.transition == "firing":
        alert_id = open_alert(conn, _alert_row(rule, instance, settings, now))
        add_timeline(conn, alert_id, now, "firing", "callwatch", text_of(rule, instance))
        if instance.suppressed_by:
            add_timeline(conn, alert_id, now, "suppressed", "callwatch", f"follows from {instance.suppressed_by}")
    if alert_id is None:
        return None
    if change.transition == "resolved" and resolve_alert(conn, alert_id, now):
        add_timeline(conn, alert_id, now, "resolved", "callwatch", None)
    if change.notify:
        kind = "alert.resolved" if change.notify == "resolved" else "alert.firing"
        payload = payload_of(kind, alert_id, rule, instance, settings, now)
        if change.notify in ("flapping", "reminder"):
            prefix = "Flapping: " if change.notify == "flapping" else "Still firing: "
            payload["data"]["message"] = prefix + payload["data"]["message"]
        queue_notification(conn, alert_id, rule, payload, settings, now)
        add_timeline(conn, alert_id, now, f"notified: {change.notify}", "callwatch", None)
    return alert_id


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
        "runbook_url": runbook_url(settings, rule.id),
    }


def _keep_instance(conn: AnyConnection, rule: AlertRule, instance: Instance, alert_id: int | None, now: datetime) -> None:
    is_firing = instance.state == "firing"
    if is_firing and alert_id is not None:
        update_alert(conn, alert_id, instance.value, text_of(rule, instance), instance.suppressed_by)
    details = {
        **{name: value.isoformat() if (value := getattr(instance, name)) else None for name in _TIMES},
        "labels": dict(instance.labels),
        "detail": instance.detail,
        "fired": [at.isoformat() for at in instance.fired],
        **{name: getattr(instance, name) for name in ("is_notified", "is_acknowledged", "is_flapping", "is_unknown")},
    }
    keep_state(
        conn,
        {
            "key": instance.key,
            "rule_id": instance.rule_id,
            "state": instance.state,
            "value": instance.value,
            "threshold": instance.threshold,
            # A resolved span whose all-clear is still owed keeps its alert.
            "alert_id": alert_id if is_firing or instance.is_notified else None,
            "now": now,
            "details": details,
        },
    )


def _forget_idle(
    conn: AnyConnection, instances: Mapping[str, Instance], facts: Sequence[Fact], rules: Mapping[str, AlertRule]
) -> None:
    """Instances of entities that are gone (an error group, a cron) must not pile up."""
    present = {(fact.metric, tuple(sorted(fact.labels.items()))) for fact in facts}
    idle = [
        key
        for key, instance in instances.items()
        if instance.state == "ok"
        and instance.labels
        and not instance.is_notified
        and not instance.fired
        and not any((m, tuple(sorted(instance.labels.items()))) in present for m in rules[instance.rule_id].metrics)
    ]
    forget_states(conn, idle)


def _resolve_switched_off(conn: AnyConnection, off: set[str], now: datetime) -> None:
    """A rule that was switched off fires no longer; nobody is told, for somebody did it on purpose."""
    rows = [row for row in stored_states(conn) if row["rule_id"] in off]
    for row in rows:
        if row["alert_id"] is not None and resolve_alert(conn, row["alert_id"], now):
            add_timeline(conn, row["alert_id"], now, "resolved", "callwatch", "the rule was switched off")
    forget_states(conn, [row["alert_key"] for row in rows])


def _instance_of(row: Mapping[str, Any]) -> Instance:
    details = row["details"]
    times: dict[str, Any] = {name: datetime.fromisoformat(details[name]) if details.get(name) else None for name in _TIMES}
    flags: dict[str, Any] = {
        name: bool(details.get(name)) for name in ("is_notified", "is_acknowledged", "is_flapping", "is_unknown")
    }
    return Instance(
        key=row["alert_key"],
        rule_id=row["rule_id"],
        labels=details["labels"],
        state=row["state"],
        value=row["value"],
        threshold=row["threshold"],
        detail=details.get("detail"),
        fired=tuple(datetime.fromisoformat(at) for at in details["fired"]),
        **times,
        **flags,
    )


def _silence_of(matchers: Mapping[str, Any]) -> Silence:
    return Silence(matchers.get("rule_id"), matchers.get("service"), matchers.get("labels") or {})
