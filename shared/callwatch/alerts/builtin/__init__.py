"""The built-in rules, as data. Each has its page in docs/runbooks/.

Those of this module's first part are the seed's five, with the seed's defaults.
"""

from callwatch.alerts.builtin.errors import ERROR_RULES
from callwatch.alerts.builtin.ours import OWN_RULES
from callwatch.alerts.builtin.parts import DATABASE
from callwatch.alerts.builtin.product import PRODUCT_RULES
from callwatch.alerts.builtin.targets import TARGET_RULES
from callwatch.alerts.builtin.vendors import VENDOR_RULES
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertChannel as To
from callwatch.models.alert import AlertLevel as Level

SEED_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "database_health", "Database health", Level.CRITICAL, (To.LOG, To.EMAIL),
        (Condition("service.status", ">=", 2), Condition("service.latency_ms", ">", 5000)),
        labels={"service": "database"}, cooldown_minutes=5, also=(To.WEBHOOK, To.SLACK, To.PAGERDUTY, To.SNS),
        hint="The database is down or very slow",
    ),
    AlertRule(
        "high_error_rate", "High error rate", Level.ERROR, (To.LOG, To.WEBHOOK),
        (Condition("errors.last_hour", ">", 50), Condition("errors.critical_last_hour", ">=", 1)),
        cooldown_minutes=15, depends_on=DATABASE, also=(To.SLACK,), hint="Many errors, or a critical one, in the last hour",
    ),
    AlertRule(
        "queue_backlog", "Queue backlog", Level.WARNING, (To.LOG,),
        (Condition("queue.pending", ">", 100), Condition("queue.stale", ">", 5)),
        cooldown_minutes=30, depends_on=DATABASE, hint="Work waits in the product's queues",
    ),
    AlertRule(
        "api_degradation", "API degradation", Level.WARNING, (To.LOG,),
        (Condition("requests.avg_ms_5m", ">", 3000), Condition("requests.count_5xx_5m", ">", 10)),
        cooldown_minutes=10, depends_on=DATABASE, hint="The product answers slowly, or with errors",
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
    *ERROR_RULES,
    *TARGET_RULES,
    *OWN_RULES,
)
RULE_IDS = frozenset(rule.id for rule in RULES)
