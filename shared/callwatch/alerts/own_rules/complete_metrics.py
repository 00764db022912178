"""Metrics whose sources list every existing instance."""

from callwatch.alerts.rules.metrics import METRICS
from callwatch.counters.error_samples import COMPLETE as COMPLETE_ERRORS
from callwatch.counters.performance import COMPLETE as COMPLETE_REQUESTS

# Metrics whose subjects the product names, such as routes and agencies: they come and go, and nobody says that one is gone.
PASSING = ("requests.route_p95_ms", "access.", "sync.", "fields.", "agency.", "cost.")
# Metrics with a sample of each subject that exists, good or bad: one that is missing does not exist any more.
LASTING = (
    "service.status", "provider.", "pipeline.stopped", "pipeline.stuck", "pipeline.undated", "pipeline.zombie",
    "pipeline.false_success", "pipeline.orphan", "pipeline.overdue", "pipeline.unfinished_s", "product.", "cron.late",
    "channel.", "queue.waiting_age_s", "balance.", "network.", "runtime.",
)  # fmt: skip
_INCOMPLETE = (
    "errors.", "requests.", "access.", "slo.", "sync.", "fields.", "agency.", "calls.", "recordings.", "webhooks.", "cost.",
)  # fmt: skip
# An instance missing from one of these is clear. Other sources read firing instances by name, and these keep firing without a
# response.
COMPLETE = (
    *COMPLETE_ERRORS,
    *COMPLETE_REQUESTS,
    "custom.",
    *(metric for metric in METRICS if not metric.startswith(_INCOMPLETE)),
)
