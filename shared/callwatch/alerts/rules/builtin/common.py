"""Shared by several built-in rules: channels and causes."""

from collections.abc import Iterable, Sequence

from callwatch.alerts.rules.rule import Cause
from callwatch.models.alert import AlertChannel as To

# Where a team talks.
CHATS = (To.TEAMS, To.DISCORD, To.TELEGRAM, To.MATRIX)
# What wakes somebody.
PAGERS = (To.NTFY, To.OPSGENIE, To.PUSHOVER, To.ALERTMANAGER)
LOUD = (To.LOG, To.WEBHOOK, To.EMAIL, To.SLACK, To.PAGERDUTY, To.SNS, *CHATS, *PAGERS)
NORMAL = (To.LOG, To.WEBHOOK, To.SLACK, *CHATS)
QUIET = (To.LOG,)

DATABASE = ("database_health",)
# The cause of rules on data in the product's own tables.
PRODUCT_DB = (*DATABASE, "product_database_down")
OWN_NETWORK = "own_network"
# A vendor rejects every request: the root cause of what fails at it.
VENDOR_IS_OUT = ("vendor_auth", "vendor_quota", "service_down")
# A vendor that limits our rate still serves some requests. While none of a stage's work is done, it is the cause all the same.
VENDOR_STOPS_WORK = (*VENDOR_IS_OUT, "vendor_rate_limited")
# The vendor and the cron that each stage depends on.
SERVES = {"recordings": "convoso", "transcriptions": "deepgram", "analyses": "openai"}
RUNS = {"recordings": "process-recordings-v3", "transcriptions": "process-transcription-queue"}


def list_service_causes(*rule_ids: str) -> tuple[Cause, ...]:
    """Return causes that are about the same service."""
    return tuple(Cause(rule_id, same=("service",)) for rule_id in rule_ids)


def list_vendor_causes(*rule_ids: str) -> tuple[Cause, ...]:
    """Return as causes the alerts on the vendor that a stage depends on."""
    return _pair_causes(rule_ids, "service", "stage", [(service, stage) for stage, service in SERVES.items()])


def list_vendor_causes_of_crons(*rule_ids: str) -> tuple[Cause, ...]:
    """Return as causes the alerts on the vendor that the stage of a cron depends on."""
    return _pair_causes(rule_ids, "service", "cron", [(SERVES[stage], cron) for stage, cron in RUNS.items()])


def list_cron_causes(*rule_ids: str) -> tuple[Cause, ...]:
    """Return as causes the alerts on the cron that runs a stage."""
    return _pair_causes(rule_ids, "cron", "stage", [(cron, stage) for stage, cron in RUNS.items()])


def _pair_causes(rule_ids: Iterable[str], of_cause: str, of_effect: str, pairs: Sequence[tuple[str, str]]) -> tuple[Cause, ...]:
    """Return a cause for each rule and pair: the value of a label of the cause, and of one of what follows from it."""
    return tuple(Cause(rule_id, {of_cause: cause}, {of_effect: effect}) for rule_id in rule_ids for cause, effect in pairs)


def list_queue_causes() -> tuple[Cause, ...]:
    """Return as causes what makes work pile up in the queues that a cron works on: it is stopped, stuck or overdue."""
    return (
        Cause("crons_down"),
        *(Cause(rule_id, {"cron": cron}) for rule_id in ("cron_late", "cron_idle") for cron in RUNS.values()),
        *(Cause(rule_id, {"stage": stage}) for rule_id in ("pipeline_stopped", "stuck_jobs", "overdue_jobs") for stage in RUNS),
        *(Cause(rule_id, {"service": SERVES[stage]}) for rule_id in VENDOR_STOPS_WORK for stage in RUNS),
    )
