"""Rules on what breaks soon if it goes on like this."""

from callwatch.alerts.rules.builtin.common import DATABASE, NORMAL, PRODUCT_DB
from callwatch.alerts.rules.rule import AlertRule, Cause, Condition
from callwatch.models.alert import AlertLevel as Level

FORECAST_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "backlog_growing", "Backlog growing", Level.WARNING, NORMAL, (Condition("forecast.backlog_s", "<", 7200),),
        for_s=600, resolve_for_s=600, cooldown_minutes=60,
        depends_on=(*PRODUCT_DB, Cause("pipeline_stopped", same=("stage",))),
        hint="A backlog grows beyond chance and soon reaches its limit",
    ),
    AlertRule(
        "quota_soon", "Quota soon used up", Level.WARNING, NORMAL, (Condition("forecast.quota_s", "<", 43200),),
        for_s=600, resolve_for_s=600, cooldown_minutes=180, depends_on=(*PRODUCT_DB, Cause("vendor_quota", same=("service",))),
        hint="The quota of a day is used up before the day ends, if use goes on as on earlier days",
    ),
    AlertRule(
        "vendor_balance_low", "Vendor balance low", Level.WARNING, NORMAL,
        (Condition("balance.days", "<", 7), Condition("balance.usd", "<", 10)),
        cooldown_minutes=1440, depends_on=(*DATABASE, Cause("vendor_quota", same=("service",))),
        hint="The credit on a vendor's account soon ends",
    ),
)  # fmt: skip
