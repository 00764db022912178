"""The built-in rules, as data. Each has its page in docs/runbooks/."""

from typing import Any

from callwatch.alerts.evaluate import BLIND_METRIC, BLIND_RULE
from callwatch.alerts.rule import CHANNEL_BROKEN, AlertRule, Condition
from callwatch.models.alert import AlertChannel as To
from callwatch.models.alert import AlertLevel as Level

LOUD = (To.LOG, To.WEBHOOK, To.EMAIL, To.SLACK, To.PAGERDUTY, To.SNS)
NORMAL = (To.LOG, To.WEBHOOK, To.SLACK)
QUIET = (To.LOG,)
_DATABASE = ("database_health",)


def _drift(given: dict[str, Any]) -> str:
    labels = given["labels"]
    what = f"column {labels['table']}.{labels['column']}" if "column" in labels else f"table {labels.get('table')}"
    return f"schema drift: the product's {what} is missing; figures that need it are unknown"


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "database_health", "Database health", Level.CRITICAL, (To.LOG, To.EMAIL, To.WEBHOOK, To.SLACK, To.PAGERDUTY, To.SNS),
        (Condition("service.status", ">=", 2), Condition("service.latency_ms", ">", 5000)),
        labels={"service": "database"}, cooldown_minutes=5, hint="The database is down or very slow.",
    ),
    AlertRule(
        "high_error_rate", "High error rate", Level.ERROR, (To.LOG, To.WEBHOOK),
        (Condition("errors.last_hour", ">", 50), Condition("errors.critical_last_hour", ">=", 1)),
        cooldown_minutes=15, depends_on=_DATABASE, hint="Many errors, or a critical one, in the last hour.",
    ),
    AlertRule(
        "queue_backlog", "Queue backlog", Level.WARNING, QUIET,
        (Condition("queue.pending", ">", 100), Condition("queue.stale", ">", 5)),
        cooldown_minutes=30, depends_on=_DATABASE, hint="Work waits in the product's queues.",
    ),
    AlertRule(
        "api_degradation", "API degradation", Level.WARNING, QUIET,
        (Condition("requests.avg_ms_5m", ">", 3000), Condition("requests.count_5xx_5m", ">", 10)),
        cooldown_minutes=10, depends_on=_DATABASE, hint="The product answers slowly, or with errors.",
    ),
    AlertRule(
        "memory_usage", "Memory usage", Level.WARNING, QUIET, (Condition("runtime.memory_percent", ">", 80),),
        cooldown_minutes=20, hint="A function is close to its memory limit.",
    ),
    AlertRule(
        "service_down", "Service down", Level.ERROR, NORMAL, (Condition("provider.status", ">=", 2),),
        cooldown_minutes=15, hint="A service does not serve us; the reason says whose turn it is.",
    ),
    AlertRule(
        "pipeline_stopped", "Pipeline stopped", Level.CRITICAL, LOUD, (Condition("pipeline.stopped", ">=", 1),),
        cooldown_minutes=15, depends_on=_DATABASE, hint="Work waits, and none is completed.",
    ),
    AlertRule(
        "stuck_jobs", "Stuck jobs", Level.WARNING, NORMAL, (Condition("pipeline.stuck", ">", 0),),
        cooldown_minutes=30, depends_on=_DATABASE, hint="Work was taken up and never finished; nothing picks it up again.",
    ),
    AlertRule(
        "zombie_jobs", "Zombie jobs", Level.WARNING, NORMAL, (Condition("pipeline.zombie", ">", 0),),
        cooldown_minutes=60, depends_on=_DATABASE, hint="Waiting work that no worker will take any more.",
    ),
    AlertRule(
        "schema_drift", "Schema drift", Level.INFO, QUIET, (Condition("schema.drift", ">=", 1),),
        cooldown_minutes=60, depends_on=_DATABASE, message=_drift,
    ),
    AlertRule(
        "dead_letters", "Dead letters", Level.WARNING, NORMAL, (Condition("queue.dead_letters", ">", 0),),
        cooldown_minutes=60, hint="Messages could not be digested.",
    ),
    AlertRule(
        CHANNEL_BROKEN, "Channel broken", Level.ERROR, LOUD, (Condition("channel.broken", ">=", 1),),
        cooldown_minutes=30, depends_on=_DATABASE, hint="Notifications do not get through a channel; the others tell.",
    ),
    AlertRule(
        BLIND_RULE, "Monitor blind", Level.ERROR, NORMAL, (Condition(BLIND_METRIC, ">", 0.5),),
        for_s=90, cooldown_minutes=30, depends_on=_DATABASE, hint="Most rules cannot get their data.",
    ),
)  # fmt: skip
