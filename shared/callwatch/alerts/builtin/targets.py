"""Burn rates on the targets that the product's owners state: errors < 1 %, p95 < 3 s, uptime 99.9 %.

A burn rate of 1 uses the budget up exactly in its 30 days. Each window is a long one held against a short one, and the
lower of both counts: what is over already alarms nobody.
"""

from callwatch.alerts.builtin.parts import DATABASE, LOUD, NORMAL
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

# One trouble burns in several windows: it is one alert.
_WINDOWS = ("window",)


def _fast(metric: str) -> tuple[Condition, ...]:
    """2 % of the budget in an hour, or 5 % in six."""
    return (Condition(metric, ">", 14.4, {"window": "1h_5m"}), Condition(metric, ">", 6, {"window": "6h_30m"}))


def _slow(metric: str) -> tuple[Condition, ...]:
    """10 % of the budget in three days."""
    return (Condition(metric, ">", 1, {"window": "3d_6h"}),)


TARGET_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "error_budget_burn", "Error budget burns", Level.ERROR, LOUD, _fast("slo.errors_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="So many requests fail that the target of 1 % will be missed soon",
    ),
    AlertRule(
        "error_budget_leak", "Error budget leaks", Level.WARNING, NORMAL, _slow("slo.errors_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "error_budget_burn"), joined=_WINDOWS,
        hint="Of the last three days' requests more than the 1 % of the target failed",
    ),
    AlertRule(
        "latency_budget_burn", "Latency budget burns", Level.ERROR, LOUD, _fast("slo.latency_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="So many requests take over 3 s that the target will be missed soon",
    ),
    AlertRule(
        "latency_budget_leak", "Latency budget leaks", Level.WARNING, NORMAL, _slow("slo.latency_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "latency_budget_burn"), joined=_WINDOWS,
        hint="Of the last three days' requests more than 5 % took over 3 s",
    ),
    AlertRule(
        "uptime_budget_burn", "Uptime budget burns", Level.ERROR, LOUD, _fast("slo.uptime_burn"),
        cooldown_minutes=60, depends_on=DATABASE, joined=_WINDOWS,
        hint="So much downtime that the target of 99.9 % will be missed soon",
    ),
    AlertRule(
        "uptime_budget_leak", "Uptime budget leaks", Level.WARNING, NORMAL, _slow("slo.uptime_burn"),
        cooldown_minutes=360, depends_on=(*DATABASE, "uptime_budget_burn"), joined=_WINDOWS,
        hint="In the last three days uptime was below the target of 99.9 %",
    ),
    AlertRule(
        "slow_route", "Slow route", Level.WARNING, NORMAL, (Condition("requests.route_p95_ms", ">", 3000),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Requests to a route take over 3 s",
    ),
)  # fmt: skip
