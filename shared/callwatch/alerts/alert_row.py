"""Builds the stored row of an alert from the instance that fires."""

from datetime import datetime
from typing import TypedDict

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.rendering import find_runbook, render_text
from callwatch.alerts.rules.metrics import find_unit
from callwatch.alerts.rules.phrases import name_measured
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.alerts import NewAlert
from callwatch.settings import Settings


def build_alert_row(
    rule: AlertRule, instance: Instance, settings: Settings, started_at: datetime, failed: dict[str, str] | None = None
) -> NewAlert:
    """Build what `open_alerts` stores. failed: as for `render_text`."""
    return {
        "alert_key": instance.key,
        "rule_id": rule.id,
        "title": rule.name,
        "level": rule.level.value,
        "message": render_text(rule, instance, failed),
        **build_figures(rule, instance),
        "service": instance.labels.get("service"),
        "labels": dict(instance.labels),
        "started_at": started_at,
        "suppressed_by": instance.suppressed_by,
        "runbook_url": find_runbook(rule, settings),
    }


class Figures(TypedDict):
    """The figures of one condition."""

    value: float | None
    unit: str | None
    comparison: str | None
    measures: str
    threshold: float | None


def build_figures(rule: AlertRule, instance: Instance) -> Figures:
    """Return the figures of the condition that the instance fires by."""
    condition = rule.list_conditions()[0]
    return {
        "value": instance.value,
        "unit": find_unit(instance.metric or condition.metric),
        "comparison": instance.comparison or condition.comparison,
        "measures": name_measured(instance.metric or condition.metric) or rule.name,
        "threshold": instance.threshold,
    }
