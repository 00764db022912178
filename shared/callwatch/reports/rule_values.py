"""What a rule measured: the worst value of each step, for the chart of its values next to its threshold."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.actions import find_rule
from callwatch.alerts.own_rules.metric_history import load_minute
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
    """Return one series: of all instances the worst value by the rule's first condition.

    Raises NotFound.
    """
    rule = find_rule(conn, rule_id, get_settings())
    if rule is None:
        raise NotFound("there is no such rule")
    steps.kept_since = max(steps.kept_since, steps.now - KEPT)
    condition = rule.list_conditions()[0]
    worst = min if condition.comparison in ("<", "<=") else max
    found: dict[datetime, float | None] = {}
    for row in read_minutes(conn, (condition.metric,), max(steps.since, steps.kept_since), steps.until):
        minute = load_minute(row)
        values = [sample.value for sample in minute.samples if sample.value is not None and _fits(rule, condition, sample)]
        if values:
            start = steps.since + (minute.at - steps.since) // steps.step * steps.step
            known = found.get(start)
            found[start] = worst([*values, *([] if known is None else [known])])
    points, labels = steps.list_points(found), {"metric": condition.metric}
    return [{"name": "value", "unit": find_unit(condition.metric), "labels": labels, "points": points}]


def _fits(rule: AlertRule, condition: Condition, sample: Sample) -> bool:
    return rule.matches(sample) and condition.labels.items() <= sample.labels.items()
