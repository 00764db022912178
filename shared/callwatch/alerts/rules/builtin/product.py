"""Rules on the watched pipeline: calls, recordings, transcripts, analyses, crons, webhooks, syncs, schema."""

from collections.abc import Callable
from typing import Any

from callwatch.alerts.rules.builtin.common import (
    DATABASE,
    LOUD,
    NORMAL,
    PRODUCT_DB,
    QUIET,
    VENDOR_IS_OUT,
    VENDOR_STOPS_WORK,
    list_cron_causes,
    list_vendor_causes,
    list_vendor_causes_of_crons,
)
from callwatch.alerts.rules.rule import AlertRule, Cause, Condition
from callwatch.models.alert import AlertLevel as Level


def _render_drift(given: Any) -> str:
    labels = given.labels
    what = f"column {labels.get('table')}.{labels['column']}" if "column" in labels else f"table {labels.get('table')}"
    return f"The product's {given.detail or what + ' is missing'}; metrics that need it are unknown"


def _render_lost(given: Any) -> str:
    what = given.detail or f"table {given.labels.get('table')} cannot be read"
    return f"Figures of the product that were known are lost: {what}"


def _render_index(given: Any) -> str:
    labels = given.labels
    advice = f"; add it: {given.detail}" if given.detail else ""
    return f"Table {labels.get('table')} has no index {labels.get('index')}, so its metrics are slow to read{advice}"


def _render_odd_rows(fault: str) -> Callable[[Any], str]:
    def render(given: Any) -> str:
        example = f", such as {given.detail}" if given.detail else ""
        rows = f"{given.value:.0f} rows" if given.value else "Rows"
        return f"{rows} of {given.labels.get('table')}.{given.labels.get('column')} {fault}{example}"

    return render


def _render_unlisted(given: Any) -> str:
    labels = given.labels
    where, detail = f"{labels.get('table')}.{labels.get('column')}", f": {given.detail}" if given.detail else ""
    rows = f"{given.value:.0f} rows" if given.value else "Rows"
    what = "have a state that the stage file does not name" if "stage" in labels else "spell a word of the stage file otherwise"
    return f"{rows} of {where} {what}, so no figure counts them{detail}"


PRODUCT_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "product_database_down", "Product database down", Level.CRITICAL, LOUD, (Condition("product_database.up", "<", 1),),
        cooldown_minutes=5, depends_on=DATABASE, hint="The product's database does not respond; its metrics are unknown",
    ),
    AlertRule(
        "pipeline_stopped", "Pipeline stopped", Level.CRITICAL, LOUD, (Condition("pipeline.stopped", ">=", 1),),
        cooldown_minutes=15,
        depends_on=(*PRODUCT_DB, *list_cron_causes("cron_late", "cron_idle"), *list_vendor_causes(*VENDOR_STOPS_WORK)),
        hint="Work waits, but none is completed",
    ),
    AlertRule(
        "stuck_jobs", "Stuck jobs", Level.WARNING, NORMAL, (Condition("pipeline.stuck", ">", 0),),
        cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Work started but never finished; nothing will retry it",
    ),
    AlertRule(
        "undated_jobs", "Undated jobs", Level.WARNING, NORMAL, (Condition("pipeline.undated", ">", 0),),
        for_s=120, cooldown_minutes=60, depends_on=PRODUCT_DB,
        hint="Open work has no usable timestamp, so rules on age do not see it",
    ),
    AlertRule(
        "clock_skew", "Clock skew", Level.WARNING, NORMAL, (Condition("product.clock_skew", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_render_odd_rows("are in the future"),
        hint="Product rows have future timestamps: a clock is wrong, and time windows miss them",
    ),
    AlertRule(
        "unreadable_times", "Unreadable times", Level.WARNING, NORMAL, (Condition("product.unreadable", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_render_odd_rows("cannot be read as a time"),
        hint="Product rows have impossible timestamps; metrics that need them are unknown",
    ),
    AlertRule(
        "unlisted_states", "Unlisted states", Level.WARNING, NORMAL, (Condition("product.unlisted", ">", 0),),
        for_s=120, cooldown_minutes=60, depends_on=PRODUCT_DB, message=_render_unlisted,
        hint="Rows have a state or word that the stage file does not name; no figure counts them",
    ),
    AlertRule(
        "zombie_jobs", "Zombie jobs", Level.WARNING, NORMAL, (Condition("pipeline.zombie", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Work waits that no worker will pick up",
    ),
    AlertRule(
        "dead_jobs", "Dead jobs", Level.WARNING, NORMAL,
        (Condition("pipeline.dead_ratio", ">", 0.2), Condition("pipeline.dead", ">", 20)),
        cooldown_minutes=60,
        depends_on=(
            *PRODUCT_DB, Cause("recordings_unavailable", where={"stage": "recordings"}), *list_vendor_causes(*VENDOR_STOPS_WORK),
        ),
        hint="Much work failed permanently",
    ),
    AlertRule(
        "false_success", "False success", Level.WARNING, NORMAL, (Condition("pipeline.false_success", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Work is marked completed but has no result",
    ),
    AlertRule(
        "orphan_calls", "Orphan calls", Level.WARNING, NORMAL, (Condition("pipeline.orphan", ">", 0),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Calls with a recording are in no queue and will not be transcribed",
    ),
    AlertRule(
        "overdue_jobs", "Overdue jobs", Level.WARNING, NORMAL, (Condition("pipeline.overdue", ">", 0),),
        cooldown_minutes=30,
        depends_on=(
            *PRODUCT_DB, *list_cron_causes("cron_late", "cron_idle"), Cause("pipeline_stopped", same=("stage",)),
            *list_vendor_causes(*VENDOR_STOPS_WORK),
        ),
        hint="Work is more than 10 minutes overdue: its cron stopped or is behind",
    ),
    AlertRule(
        "analysis_lag", "Analysis lag", Level.ERROR, LOUD, (Condition("pipeline.unfinished_s", ">", 1800),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, *list_vendor_causes(*VENDOR_IS_OUT)),
        hint="Transcripts wait for their analysis",
    ),
    AlertRule(
        "calls_missing", "Calls missing", Level.CRITICAL, LOUD, (Condition("calls.missing_ratio", ">=", 0.5),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "webhook_errors"),
        hint="Far fewer calls arrive than at this hour on earlier days",
    ),
    AlertRule(
        "agency_silent", "Agency silent", Level.ERROR, LOUD, (Condition("agency.silent", ">=", 1),),
        for_s=120, cooldown_minutes=120, depends_on=(*PRODUCT_DB, "calls_missing", "webhook_errors"),
        hint="The calls of an agency stopped while those of others go on",
    ),
    AlertRule(
        "recordings_unavailable", "Recordings unavailable", Level.ERROR, LOUD,
        (Condition("recordings.availability", "<", 0.3), Condition("recordings.shortfall", ">", 0.33)),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Few of the recent calls have a recording",
    ),
    AlertRule(
        "fields_missing", "Fields missing", Level.WARNING, NORMAL, (Condition("fields.null_rate", ">", 0.4),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="Many recent calls lack a key field",
    ),
    AlertRule(
        "crons_down", "Crons down", Level.CRITICAL, LOUD, (Condition("cron.failing", ">=", 3),),
        cooldown_minutes=30, depends_on=PRODUCT_DB, hint="Several crons are late or idle at once: their trigger is broken",
    ),
    AlertRule(
        "cron_late", "Cron late", Level.ERROR, LOUD, (Condition("cron.late", ">=", 2),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "crons_down"), hint="A cron has not succeeded within twice its period",
    ),
    AlertRule(
        "cron_missing", "Cron missing", Level.ERROR, LOUD, (Condition("cron.missing", ">=", 1),),
        for_s=120, cooldown_minutes=60, depends_on=PRODUCT_DB, hint="A cron has no heartbeat: its row is missing",
    ),
    AlertRule(
        "cron_idle", "Cron idle", Level.CRITICAL, LOUD, (Condition("cron.idle", ">=", 1),),
        cooldown_minutes=30, depends_on=(*PRODUCT_DB, "crons_down", *list_vendor_causes_of_crons(*VENDOR_STOPS_WORK)),
        hint="A cron reports success but does none of the waiting work",
    ),
    AlertRule(
        "webhook_errors", "Webhook errors", Level.CRITICAL, LOUD, (Condition("webhooks.error_ratio", ">", 0.1),),
        cooldown_minutes=15, depends_on=PRODUCT_DB, hint="The product responds to webhooks with errors; calls are being lost",
    ),
    AlertRule(
        "sync_volume", "Sync volume", Level.WARNING, NORMAL, (Condition("sync.volume_ratio", "<", 0.4),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, hint="A sync fetched far less than at this hour on earlier days",
    ),
    AlertRule(
        "schema_drift", "Schema drift", Level.INFO, QUIET, (Condition("schema.drift", ">=", 1),),
        cooldown_minutes=60, depends_on=(*PRODUCT_DB, Cause("figures_lost", same=("table", "column"))), message=_render_drift,
        hint="The product's schema lacks what the metrics need",
    ),
    AlertRule(
        "figures_lost", "Figures lost", Level.WARNING, NORMAL, (Condition("schema.lost", ">=", 1),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_render_lost,
        hint="Figures that were known cannot be read any more, so nobody watches what they count",
    ),
    AlertRule(
        "index_missing", "Index missing", Level.INFO, QUIET, (Condition("schema.index_missing", ">=", 1),),
        cooldown_minutes=60, depends_on=PRODUCT_DB, message=_render_index, hint="An advised index is missing",
    ),
)  # fmt: skip
