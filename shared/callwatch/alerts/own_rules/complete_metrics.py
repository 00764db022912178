"""Metrics whose sources list every existing instance."""

from callwatch.alerts.rules.metrics import METRICS
from callwatch.counters.error_samples import COMPLETE as COMPLETE_ERRORS
from callwatch.counters.performance import COMPLETE as COMPLETE_REQUESTS

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
