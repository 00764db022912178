"""Rules on the monitor itself."""

from callwatch.alerts.builtin.parts import DATABASE, LOUD, NORMAL, PRODUCT_DB, QUIET
from callwatch.alerts.evaluate import BLIND_METRIC, BLIND_RULE
from callwatch.alerts.rule import CHANNEL_BROKEN, AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

OWN_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "queue_down", "Queue down", Level.ERROR, LOUD, (Condition("queue.up", "<", 1),),
        for_s=60, cooldown_minutes=15, hint="Our own queue does not answer: no error can be accepted",
    ),
    AlertRule(
        "dead_letters", "Dead letters", Level.WARNING, NORMAL, (Condition("queue.dead_letters", ">", 0),),
        cooldown_minutes=60, hint="Messages could not be digested",
    ),
    AlertRule(
        "ingest_backlog", "Ingest backlog", Level.WARNING, NORMAL, (Condition("queue.oldest_message_s", ">", 600),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Accepted errors wait long for being stored",
    ),
    AlertRule(
        "lost_errors", "Lost errors", Level.WARNING, NORMAL, (Condition("monitor.lost_errors", ">", 0),),
        cooldown_minutes=60, hint="Errors of the monitor itself could not be handed to its queue",
    ),
    AlertRule(
        CHANNEL_BROKEN, "Channel broken", Level.ERROR, LOUD, (Condition("channel.broken", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Notifications do not get through a channel; the others tell",
    ),
    AlertRule(
        "monitor_silent", "Monitor was silent", Level.INFO, QUIET, (Condition("monitor.silence_s", ">", 180),),
        cooldown_minutes=5, hint="The monitor did not run for a while; what happened meanwhile is judged only now",
    ),
    AlertRule(
        BLIND_RULE, "Monitor blind", Level.ERROR, NORMAL, (Condition(BLIND_METRIC, ">", 0.3),),
        for_s=90, cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Many rules cannot get their data",
    ),
)  # fmt: skip
