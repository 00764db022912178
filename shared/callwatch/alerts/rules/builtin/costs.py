"""Rules on what calls cost; they have data only where PRICES_FILE is set."""

from callwatch.alerts.rules.builtin.common import NORMAL, PRODUCT_DB, QUIET
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

COST_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "call_cost", "Call cost", Level.WARNING, NORMAL, (Condition("cost.per_call_usd", ">", 0.2),),
        for_s=600, cooldown_minutes=360, depends_on=PRODUCT_DB, hint="A call costs more than the targeted $0.20",
    ),
    AlertRule(
        "cost_spike", "Cost spike", Level.WARNING, NORMAL, (Condition("cost.spike", ">", 1.5),),
        for_s=300, cooldown_minutes=360, depends_on=PRODUCT_DB,
        hint="The newest calls cost far more than those of earlier days",
    ),
    AlertRule(
        "unpriced_models", "Unpriced models", Level.INFO, QUIET, (Condition("cost.unpriced_calls", ">", 0),),
        for_s=300, cooldown_minutes=1440, depends_on=PRODUCT_DB,
        hint="Calls use a model without a price in PRICES_FILE, so their cost is unknown",
    ),
)  # fmt: skip
