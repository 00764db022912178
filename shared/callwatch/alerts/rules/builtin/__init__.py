"""The built-in rules, as data. Each has a page in docs/runbooks/.

SEED_RULES are the five original rules, with their original defaults.
"""

from callwatch.alerts.rules.builtin.check_ins import CHECK_IN_RULES
from callwatch.alerts.rules.builtin.common import CHATS, DATABASE, PAGERS, list_queue_causes
from callwatch.alerts.rules.builtin.costs import COST_RULES
from callwatch.alerts.rules.builtin.errors import ERROR_RULES
from callwatch.alerts.rules.builtin.external import EXTERNAL_RULES
from callwatch.alerts.rules.builtin.forecasts import FORECAST_RULES
from callwatch.alerts.rules.builtin.product import PRODUCT_RULES
from callwatch.alerts.rules.builtin.self_monitoring import OWN_RULES
from callwatch.alerts.rules.builtin.slo import TARGET_RULES
from callwatch.alerts.rules.builtin.vendors import VENDOR_RULES
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertChannel as To
from callwatch.models.alert import AlertLevel as Level

SEED_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "database_health", "Database health", Level.CRITICAL, (To.LOG, To.EMAIL),
        (Condition("service.status", ">=", 2), Condition("service.latency_ms", ">", 5000)),
        labels={"service": "database"}, cooldown_minutes=5, also=(To.WEBHOOK, To.SLACK, To.PAGERDUTY, To.SNS, *CHATS, *PAGERS),
        hint="The database is down, out of connections or very slow",
    ),
    AlertRule(
        "high_error_rate", "High error rate", Level.ERROR, (To.LOG, To.WEBHOOK),
        (Condition("errors.last_hour", ">", 50), Condition("errors.critical_last_hour", ">=", 1)),
        cooldown_minutes=15, depends_on=DATABASE, also=(To.SLACK, *CHATS), hint="The last hour has many errors or a critical one",
    ),
    AlertRule(
        "queue_backlog", "Queue backlog", Level.WARNING, (To.LOG,),
        (Condition("queue.pending", ">", 100), Condition("queue.stale", ">", 5)),
        cooldown_minutes=30, depends_on=(*DATABASE, *list_queue_causes()), hint="Work waits in the product's queues",
    ),
    AlertRule(
        "api_degradation", "API degradation", Level.WARNING, (To.LOG,),
        (Condition("requests.avg_ms_5m", ">", 3000), Condition("requests.count_5xx_5m", ">", 10)),
        cooldown_minutes=10, depends_on=(*DATABASE, "slow_route"), hint="The product responds slowly or with errors",
    ),
    AlertRule(
        "memory_usage", "Memory usage", Level.WARNING, (To.LOG,), (Condition("runtime.memory_percent", ">", 80),),
        cooldown_minutes=20, hint="A function is close to its memory limit",
    ),
)  # fmt: skip

RULES: tuple[AlertRule, ...] = (
    *SEED_RULES,
    *VENDOR_RULES,
    *PRODUCT_RULES,
    *CHECK_IN_RULES,
    *EXTERNAL_RULES,
    *COST_RULES,
    *FORECAST_RULES,
    *ERROR_RULES,
    *TARGET_RULES,
    *OWN_RULES,
)
RULE_IDS = frozenset(rule.id for rule in RULES)
