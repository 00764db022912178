"""Burn rates of the targets that the product's owners set: errors < 1 %, p95 < 3 s, uptime 99.9 %.

A burn rate of 1 uses up the budget in exactly 30 days. Each window combines a long and a short one and takes the lower
rate, so that a problem that has ended no longer alerts.
"""

from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

# One problem burns in several windows but is one alert.
_WINDOWS = ("window",)


def _build_fast(metric: str) -> tuple[Condition, ...]:
    """2 % of the budget in an hour, or 5 % in six."""
    return (Condition(metric, ">", 14.4, {"window": "1h_5m"}), Condition(metric, ">", 6, {"window": "6h_30m"}))


def _build_slow(metric: str) -> tuple[Condition, ...]:
    """10 % of the budget in three days."""
    return (Condition(metric, ">", 1, {"window": "3d_6h"}),)


TARGET_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "error_budget_burn", "Error budget burns", Level.ERROR, LOUD, _build_fast("slo.errors_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="Requests fail so often that the 1 % target will soon be missed",
    ),
    AlertRule(
        "error_budget_leak", "Error budget leaks", Level.WARNING, NORMAL, _build_slow("slo.errors_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "error_budget_burn"), joined=_WINDOWS,
        hint="More than the targeted 1 % of the last three days' requests failed",
    ),
    AlertRule(
        "latency_budget_burn", "Latency budget burns", Level.ERROR, LOUD, _build_fast("slo.latency_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="Requests take over 3 s so often that the target will soon be missed",
    ),
    AlertRule(
        "latency_budget_leak", "Latency budget leaks", Level.WARNING, NORMAL, _build_slow("slo.latency_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "latency_budget_burn"), joined=_WINDOWS,
        hint="More than 5 % of the last three days' requests took over 3 s",
    ),
    AlertRule(
        "uptime_budget_burn", "Uptime budget burns", Level.ERROR, LOUD, _build_fast("slo.uptime_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="Downtime is so high that the 99.9 % target will soon be missed",
    ),
    AlertRule(
        "uptime_budget_leak", "Uptime budget leaks", Level.WARNING, NORMAL, _build_slow("slo.uptime_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "uptime_budget_burn"), joined=_WINDOWS,
        hint="Uptime of the last three days is below the 99.9 % target",
    ),
    AlertRule(
        "slow_route", "Slow route", Level.WARNING, NORMAL, (Condition("requests.route_p95_ms", ">", 3000),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Requests to a route take over 3 s",
    ),
)  # fmt: skip
