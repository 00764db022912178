"""Rules on the monitor itself."""

from callwatch.alerts.evaluation.evaluate import BLIND_METRIC, BLIND_RULE, BROKEN_METRIC, BROKEN_RULE
from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL, PRODUCT_DB, QUIET
from callwatch.alerts.rules.rule import CHANNEL_BROKEN, AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

OWN_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "queue_down", "Queue down", Level.ERROR, LOUD, (Condition("queue.up", "<", 1),),
        for_s=60, cooldown_minutes=15, hint="The monitor's own queue does not respond; no error can be accepted",
    ),
    AlertRule(
        "database_connections", "Database connections", Level.WARNING, NORMAL,
        (Condition("database.connections_ratio", ">", 0.85),),
        for_s=60, cooldown_minutes=30, depends_on=DATABASE, hint="The database is nearly out of connections",
    ),
    AlertRule(
        "dead_letters", "Dead letters", Level.WARNING, NORMAL, (Condition("queue.dead_letters", ">", 0),),
        cooldown_minutes=60, hint="Messages could not be digested",
    ),
    AlertRule(
        "ingest_backlog", "Ingest backlog", Level.WARNING, NORMAL, (Condition("queue.oldest_message_s", ">", 600),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Accepted errors wait too long to be stored",
    ),
    AlertRule(
        "messages_expiring", "Messages expiring", Level.ERROR, LOUD,
        (Condition("queue.waiting_age_s", ">", 21_600), Condition("queue.archived_messages", ">", 0)),
        cooldown_minutes=240, hint="Accepted errors have waited for hours; a queue deletes them after 14 days",
    ),
    AlertRule(
        "lost_errors", "Lost errors", Level.WARNING, NORMAL, (Condition("monitor.lost_errors", ">", 0),),
        cooldown_minutes=60, hint="Errors of the monitor itself could not be handed to its queue",
    ),
    AlertRule(
        CHANNEL_BROKEN, "Channel broken", Level.ERROR, LOUD, (Condition("channel.broken", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, hint="A channel does not deliver notifications; the other channels report it",
    ),
    AlertRule(
        "setting_invalid", "Setting invalid", Level.ERROR, LOUD, (Condition("configuration.invalid", ">=", 1),),
        cooldown_minutes=240, depends_on=DATABASE, hint="A setting is invalid; the parts that need it are off",
    ),
    AlertRule(
        "clock_wrong", "Clock wrong", Level.WARNING, NORMAL, (Condition("clock.difference_s", ">", 300),),
        cooldown_minutes=60, depends_on=DATABASE, hint="The clocks of monitor and database differ by minutes",
    ),
    # Only info: a monitor that was off for days looks the same, and deleting later loses nothing.
    AlertRule(
        "clock_jumped", "Clock jumped", Level.INFO, QUIET, (Condition("clock.jump_s", ">", 90_000),),
        cooldown_minutes=60, depends_on=DATABASE,
        hint="The clock jumped, or the monitor was off for more than a day; retention deletes nothing early",
    ),
    AlertRule(
        "monitor_silent", "Monitor was silent", Level.INFO, QUIET, (Condition("monitor.silence_s", ">", 180),),
        cooldown_minutes=5, hint="The monitor did not run for a while; rules were not evaluated meanwhile",
    ),
    AlertRule(
        BLIND_RULE, "Monitor blind", Level.ERROR, NORMAL, (Condition(BLIND_METRIC, ">", 0.3),),
        for_s=90, cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Many rules have no data",
    ),
    AlertRule(
        "evaluation_stopped", "Evaluation stopped", Level.CRITICAL, LOUD, (Condition("monitor.missed_evaluations", ">=", 2),),
        cooldown_minutes=5, hint="No rule is evaluated, so no other alert can fire",
    ),
    AlertRule(
        BROKEN_RULE, "Rule broken", Level.ERROR, NORMAL, (Condition(BROKEN_METRIC, ">=", 3),),
        cooldown_minutes=60, hint="A rule or one of its alerts cannot be evaluated; all others are",
    ),
)  # fmt: skip
