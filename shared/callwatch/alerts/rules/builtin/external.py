"""Rules on alerts of other monitors: each level has the channels of that level."""

from typing import Any

from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL, QUIET
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level


def _render(given: Any) -> str:
    labels = given.labels
    detail = f": {given.detail}" if given.detail else ""
    return f"{labels.get('alertname', 'An alert')} ({labels.get('source', 'another monitor')}){detail}"


_HINT = "Another monitor reports an alert of this level"

EXTERNAL_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "external_critical", "External alert, critical", Level.CRITICAL, LOUD, (Condition("external.critical", ">=", 1),),
        cooldown_minutes=15, depends_on=DATABASE, message=_render, hint=_HINT,
    ),
    AlertRule(
        "external_error", "External alert, error", Level.ERROR, LOUD, (Condition("external.error", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, message=_render, hint=_HINT,
    ),
    AlertRule(
        "external_warning", "External alert, warning", Level.WARNING, NORMAL, (Condition("external.warning", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, message=_render, hint=_HINT,
    ),
    AlertRule(
        "external_info", "External alert, info", Level.INFO, QUIET, (Condition("external.info", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE, message=_render, hint=_HINT,
    ),
    AlertRule(
        "external_refused", "Too many external alerts", Level.WARNING, NORMAL, (Condition("external.refused", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE,
        hint="Other monitors report more alerts at once than are kept; the rest is not shown",
    ),
)  # fmt: skip
