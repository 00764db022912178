"""Tries a rule on the kept past: the evaluator judges the samples of each minute, and nothing is stored or sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Change, Instance
from callwatch.alerts.own_rules.complete_metrics import COMPLETE
from callwatch.alerts.own_rules.metric_history import PastMinute, load_minute
from callwatch.alerts.rules.own_rules import parse_own_rule
from callwatch.alerts.rules.phrases import describe_rule
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.db.alert_queries.metric_minutes import has_minute, read_minutes
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Invalid, Unavailable
from callwatch.models.constraints import find_range
from callwatch.models.shapes.alerting.own_rules import NewDryRun
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.own_rules import DryRun, WouldFire

_MINUTE = timedelta(minutes=1)
_HOURS = find_range(NewDryRun, "hours")
_DEFAULT_HOURS = 24
_MAX_FIRED = 200
# Below the timeout of the function.
_LIMIT_S = 20.0


@dataclass(slots=True)
class _Trial:
    """The rule that is tried, its instances so far, and what it did. open: index in `fired` of each firing instance."""

    rule: AlertRule
    instances: dict[str, Instance] = field(default_factory=dict)
    fired: list[WouldFire] = field(default_factory=list)
    open: dict[str, int] = field(default_factory=dict)
    known_minutes: int = 0
    firing_minutes: int = 0


def try_rule(conn: AnyConnection, given: Any, settings: Settings, now: datetime) -> DryRun:
    """Return when a rule would have fired in the last `hours` whole minutes' history.

    Raises Invalid, Unavailable if the history takes too long.
    """
    if not isinstance(given, dict):
        raise Invalid("rule", "must be given: {rule, hours}")
    hours = _read_hours(given)
    rule, _definition = parse_own_rule(given.get("rule"), list_rules_in_force(conn, settings))
    # The present minute counts as soon as it was evaluated.
    minute_now = now.replace(second=0, microsecond=0)
    until = minute_now + _MINUTE if has_minute(conn, minute_now) else minute_now
    since = until - timedelta(hours=hours)
    trial = _Trial(rule)
    for minute in _read_past(conn, rule, since, until):
        _judge(trial, minute)
    minutes = int((until - since) / _MINUTE)
    return {
        "fires_when": describe_rule(rule),
        "since": since,
        "until": until,
        "fired": trial.fired[:_MAX_FIRED],
        "fired_count": len(trial.fired),
        "firing_minutes": trial.firing_minutes,
        "known_minutes": trial.known_minutes,
        "unknown_minutes": minutes - trial.known_minutes,
        "unknown": {},
    }


def _read_hours(given: dict[str, object]) -> float:
    hours = given.get("hours", _DEFAULT_HOURS)
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not _HOURS.holds(hours):
        raise Invalid("hours", f"must be a number from {_HOURS.least:g} to {_HOURS.most:g}; samples are kept for seven days")
    return hours


def _read_past(conn: AnyConnection, rule: AlertRule, since: datetime, until: datetime) -> Iterator[PastMinute]:
    deadline = time.monotonic() + _LIMIT_S
    for row in read_minutes(conn, rule.metrics, since, until):
        if time.monotonic() > deadline:
            raise Unavailable("the dry run takes too long for so many instances; choose fewer hours", code="timeout")
        yield load_minute(row)


def _judge(trial: _Trial, minute: PastMinute) -> None:
    """Let the evaluator judge one minute, as it did when the minute was the present."""
    context = Context(unread=minute.unread, complete=COMPLETE)
    outcome = evaluate([trial.rule], minute.samples, trial.instances, minute.at, context)
    trial.instances = outcome.instances
    for change in outcome.changes:
        _note_change(trial, change, minute.at)
    is_unread = any(metric.startswith(minute.unread) for metric in trial.rule.metrics)
    trial.known_minutes += not is_unread and not any(each.is_unknown for each in outcome.instances.values())
    trial.firing_minutes += any(each.state == "firing" for each in outcome.instances.values())


def _note_change(trial: _Trial, change: Change, at: datetime) -> None:
    instance = change.instance
    if change.transition == "firing":
        trial.open[instance.key] = len(trial.fired)
        trial.fired.append(
            {
                "labels": dict(instance.labels),
                "began_at": instance.began_at or at,
                "fired_at": at,
                "resolved_at": None,
                "value": instance.value,
            }
        )
    elif change.transition == "resolved" and instance.key in trial.open:
        trial.fired[trial.open.pop(instance.key)]["resolved_at"] = at
