"""Rules on the watched pipeline: calls, recordings, transcripts, analyses, crons, webhooks, syncs, schema."""

from typing import Any

from callwatch.alerts.builtin.parts import DATABASE, LOUD, NORMAL, PRODUCT_DB, QUIET, cron_of_stage, vendor_of_stage
from callwatch.alerts.rule import AlertRule, Cause, Condition
from callwatch.models.alert import AlertLevel as Level


def _drift(given: Any) -> str:
    labels = given.labels
    what = f"column {labels.get('table')}.{labels['column']}" if "column" in labels else f"table {labels.get('table')}"
    return f"The product's {given.detail or what + ' is missing'}; figures that need it are unknown"


def _index(given: Any) -> str:
    labels = given.labels
    advice = f"; add it: {given.detail}" if given.detail else ""
    return f"Table {labels.get('table')} has no index {labels.get('index')}, so reading its figures is slow{advice}"


PRODUCT_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "product_database_down", "Product database down", Level.CRITICAL, LOUD, (Condition("product_database.up", "<", 1),),
        cooldown_minutes=5, depends_on=DATABASE, hint="The product's database does not answer; what it holds is unknown",
    ),
    AlertRule(
        "pipeline_stopped", "Pipeline stopped", Level.CRITICAL, LOUD, (Condition("pipeline.stopped", ">=", 1),),
        cooldown_minutes=15, depends_on=(*PRODUCT_DB, *cron_of_stage("cron_idle"), *vendor_of_stage()),
        hint="Work waits, and none is completed",
    ),
    AlertRule(
        "stuck_jobs", "Stuck jobs", Level.WARNING, NORMAL, (Condition("pipeline.stuck", ">", 0),),
        cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Work was taken up and never finished; nothing picks it up again",
    ),
    AlertRule(
        "zombie_jobs", "Zombie jobs", Level.WARNING, NORMAL, (Condition("pipeline.zombie", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Waiting work that no worker will take any more",
    ),
    AlertRule(
        "dead_jobs", "Dead jobs", Level.WARNING, NORMAL,
        (Condition("pipeline.dead_ratio", ">", 0.2), Condition("pipeline.dead", ">", 20)),
        cooldown_minutes=60,
        depends_on=(*PRODUCT_DB, Cause("recordings_unavailable", where={"stage": "recordings"}), *vendor_of_stage()),
        hint="Much work is given up for good",
    ),
    AlertRule(
        "false_success", "False success", Level.WARNING, NORMAL, (Condition("pipeline.false_success", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Work is said to be completed, and its result is not there",
    ),
    AlertRule(
        "orphan_calls", "Orphan calls", Level.WARNING, NORMAL, (Condition("pipeline.orphan", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Calls with a recording that no queue knows: none will transcribe them",
    ),
    AlertRule(
        "overdue_jobs", "Overdue jobs", Level.WARNING, NORMAL, (Condition("pipeline.overdue", ">", 0),),
        cooldown_minutes=30,
        depends_on=(
            *PRODUCT_DB, *cron_of_stage("cron_late", "cron_idle"), Cause("pipeline_stopped", same=("stage",)), *vendor_of_stage(),
        ),
        hint="Work is due for more than 10 minutes: its cron has stopped, or is behind",
    ),
    AlertRule(
        "analysis_lag", "Analysis lag", Level.ERROR, LOUD, (Condition("pipeline.unfinished_s", ">", 1800),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, *vendor_of_stage()), hint="Transcripts wait for their analysis",
    ),
    AlertRule(
        "calls_missing", "Calls missing", Level.CRITICAL, LOUD, (Condition("calls.missing_ratio", ">=", 0.5),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "webhook_errors"),
        hint="Far fewer calls arrive than at this hour of earlier days",
    ),
    AlertRule(
        "recordings_unavailable", "Recordings unavailable", Level.ERROR, LOUD,
        (Condition("recordings.availability", "<", 0.3), Condition("recordings.shortfall", ">", 0.33)),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Few of the recent calls have a recording",
    ),
    AlertRule(
        "fields_missing", "Fields missing", Level.WARNING, NORMAL, (Condition("fields.null_rate", ">", 0.4),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Many of the recent calls lack a key field",
    ),
    AlertRule(
        "crons_down", "Crons down", Level.CRITICAL, LOUD, (Condition("cron.failing", ">=", 3),),
        cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Several crons are late or idle at once: what calls them is broken",
    ),
    AlertRule(
        "cron_late", "Cron late", Level.ERROR, LOUD, (Condition("cron.late", ">=", 2),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "crons_down"), hint="A cron has not succeeded for twice its period",
    ),
    AlertRule(
        "cron_idle", "Cron idle", Level.CRITICAL, LOUD, (Condition("cron.idle", ">=", 1),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "crons_down"),
        hint="A cron runs and reports success, and does none of the work that waits",
    ),
    AlertRule(
        "webhook_errors", "Webhook errors", Level.CRITICAL, LOUD, (Condition("webhooks.error_ratio", ">", 0.1),),
        cooldown_minutes=15, depends_on=PRODUCT_DB, hint="The product answers webhooks with errors: calls are being lost",
    ),
    AlertRule(
        "sync_volume", "Sync volume", Level.WARNING, NORMAL, (Condition("sync.volume_ratio", "<", 0.4),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="A sync fetched far less than at this hour of earlier days",
    ),
    AlertRule(
        "schema_drift", "Schema drift", Level.INFO, QUIET, (Condition("schema.drift", ">=", 1),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_drift, hint="The product's schema is not as the figures need it",
    ),
    AlertRule(
        "index_missing", "Index missing", Level.INFO, QUIET, (Condition("schema.index_missing", ">=", 1),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_index, hint="An advised index is missing",
    ),
)  # fmt: skip
