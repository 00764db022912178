"""What a rule measured: the worst value of each step and condition, for the charts next to its thresholds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.actions import find_rule
from callwatch.alerts.own_rules.metric_history import find_worst, load_minute
from callwatch.alerts.rules.metrics import find_unit
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.db.alert_queries.metric_minutes import KEPT, read_minutes
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import NotFound
from callwatch.models.sample import Sample
from callwatch.reports.ranges import Steps
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.history import Series


def read_rule_values(conn: AnyConnection, steps: Steps, rule_id: str) -> list[Series]:
    """Return a series for each condition: of all instances its worst value. Its labels hold the threshold.

    Raises NotFound.
    """
    rule = find_rule(conn, rule_id, get_settings())
    if rule is None:
        raise NotFound("there is no such rule")
    steps.kept_since = max(steps.kept_since, steps.now - KEPT)
    conditions = rule.list_conditions()
    found: list[dict[datetime, float | None]] = [{} for _condition in conditions]
    metrics = list(dict.fromkeys(condition.metric for condition in conditions))
    for row in read_minutes(conn, metrics, max(steps.since, steps.kept_since), steps.until):
        minute = load_minute(row)
        start = steps.since + (minute.at - steps.since) // steps.step * steps.step
        for condition, worst in zip(conditions, found, strict=True):
            values = [sample.value for sample in minute.samples if _fits(rule, condition, sample)]
            known = (value for value in (*values, worst.get(start)) if value is not None)
            worst[start] = find_worst(condition.comparison, known)
    return [
        {"name": "value", "unit": find_unit(each.metric), "labels": _describe(each), "points": steps.list_points(worst)}
        for each, worst in zip(conditions, found, strict=True)
    ]


def _describe(condition: Condition) -> dict[str, str]:
    return {"metric": condition.metric, "comparison": condition.comparison, "threshold": format(condition.threshold, ".15g")}


def _fits(rule: AlertRule, condition: Condition, sample: Sample) -> bool:
    is_meant = sample.metric == condition.metric and condition.labels.items() <= sample.labels.items()
    return is_meant and rule.matches(sample)
