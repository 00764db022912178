"""What several built-in rules share: how loud they are, and what they follow from."""

from callwatch.alerts.rule import Cause
from callwatch.models.alert import AlertChannel as To

LOUD = (To.LOG, To.WEBHOOK, To.EMAIL, To.SLACK, To.PAGERDUTY, To.SNS)
NORMAL = (To.LOG, To.WEBHOOK, To.SLACK)
QUIET = (To.LOG,)

DATABASE = ("database_health",)
# What is read from the product's own tables.
PRODUCT_DB = (*DATABASE, "product_database_down")
# A vendor that does not serve us at all: the root of what fails at it.
VENDOR_IS_OUT = ("vendor_auth", "vendor_quota", "service_down")
_SERVES = {"recordings": "convoso", "transcriptions": "deepgram", "analyses": "openai"}
_RUNS = {"recordings": "process-recordings-v3", "transcriptions": "process-transcription-queue"}


def same_service(*rule_ids: str) -> tuple[Cause, ...]:
    """Causes that are about the same service."""
    return tuple(Cause(rule_id, same=("service",)) for rule_id in rule_ids)


def vendor_of_stage() -> tuple[Cause, ...]:
    """The vendor that a stage lives on is out."""
    return tuple(
        Cause(rule_id, {"service": service}, {"stage": stage}) for rule_id in VENDOR_IS_OUT for stage, service in _SERVES.items()
    )


def cron_of_stage(*rule_ids: str) -> tuple[Cause, ...]:
    """The cron that runs a stage does not do so."""
    return tuple(Cause(rule_id, {"cron": cron}, {"stage": stage}) for rule_id in rule_ids for stage, cron in _RUNS.items())
