"""Escalation of incidents that nobody takes: steps are rows, read before an evaluation and marked in its transaction.

1. `find_due` locks the steps that are due, and chooses the alert of each incident under which they are sent.
2. The evaluation decides and queues (`escalated` of notify_policy.py): not while the alert is silenced, clearing or acknowledged;
   then the step waits.
3. `mark_sent` marks the steps whose notification was queued: both are committed, or neither.
4. `begin` adds the steps of incidents that were notified by a route with an escalation.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callwatch.alerts.evaluation.instance import Instance, Outcome
from callwatch.alerts.notifications.channels import is_configured
from callwatch.alerts.routing.routes_in_force import RoutesInForce
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.escalations import (
    DueStep,
    begin_steps,
    list_candidates,
    lock_due_steps,
    mark_step_sent,
    settle_steps,
)
from callwatch.db.incident_queries.incident_timeline import NewEntry, add_entries
from callwatch.settings import Settings


@dataclass(frozen=True, slots=True)
class DueEscalations:
    """The due steps by the key of the alert under which they are sent, and the channels of these that can be used."""

    steps: Mapping[str, list[DueStep]] = field(default_factory=dict)
    channels: Mapping[str, list[str]] = field(default_factory=dict)


def find_due(conn: AnyConnection, known: Mapping[str, Instance], settings: Settings, now: datetime) -> DueEscalations:
    """Lock the due steps of incidents that nobody took. known: the stored instances."""
    due = lock_due_steps(conn, now)
    first: dict[int, str] = {}
    for candidate in list_candidates(conn, sorted({step["incident_id"] for step in due})) if due else []:
        instance = known.get(candidate["alert_key"])
        if instance is not None and instance.is_notified:
            first.setdefault(candidate["incident_id"], instance.key)
    steps: dict[str, list[DueStep]] = {}
    for step in due:
        if step["incident_id"] in first:
            steps.setdefault(first[step["incident_id"]], []).append(step)
    channels = {
        key: [
            name for name in dict.fromkeys(each for step in found for each in step["channels"]) if is_configured(name, settings)
        ]
        for key, found in steps.items()
    }
    return DueEscalations(steps, channels)


def mark_sent(conn: AnyConnection, due: DueEscalations, outcome: Outcome, skipped: Collection[str], now: datetime) -> None:
    """Mark the steps that were sent, and those of which no channel can be used. The caller commits."""
    sent = {change.instance.key for change in outcome.changes if change.notify == "escalated"} - set(skipped)
    entries: list[NewEntry] = []
    for key, steps in due.steps.items():
        for step in steps:
            usable = [name for name in step["channels"] if name in due.channels[key]]
            if (key in sent or not due.channels[key]) and mark_step_sent(conn, step, now):
                where = ", ".join(usable) or f"nobody: {', '.join(step['channels'])} cannot be used"
                entries.append(
                    {
                        "incident_id": step["incident_id"],
                        "at": now,
                        "kind": "escalated",
                        "actor": "callwatch",
                        "details": f"step {step['step']} of route {step['route']}: to {where}",
                    }
                )
    add_entries(conn, entries)


def begin(
    conn: AnyConnection,
    instances: Iterable[Instance],
    rules: Mapping[str, AlertRule],
    alert_ids: Mapping[str, int | None],
    routes: RoutesInForce,
    now: datetime,
) -> None:
    """Add the steps of incidents that were notified by a route with an escalation, once. The caller commits."""
    settle_steps(conn, now)
    rows = []
    for instance in instances:
        alert_id = alert_ids.get(instance.key)
        if instance.state != "firing" or not instance.is_notified or alert_id is None or instance.rule_id not in rules:
            continue
        route = routes.find_for(rules[instance.rule_id], instance)
        since = min(instance.last_notified_at or now, now)
        rows += [
            (alert_id, route.name, number, since + step.after, list(step.channels))
            for number, step in enumerate(route.escalation, start=1)
        ]
    begin_steps(conn, rows)
