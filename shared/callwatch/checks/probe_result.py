"""The result of one probe, before earlier probes are considered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from callwatch.models.check import Reason, Status

Outcome = Literal["up", "degraded", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Status and reason of one probe; latency in ms, None if nothing could be measured."""

    status: Status
    reason: Reason | None
    latency_ms: float | None
    details: Mapping[str, Any] = field(default_factory=dict)


def read_outcome(probe: ProbeResult) -> Outcome:
    """Classify what a client would have met at this moment, whatever other probes found.

    degraded: it was served, but too slowly, with a rate limit, or with the last free connection. A timely response that
    rejects or breaks the request counts as failed, like no response.
    """
    if probe.status in ("unknown", "healthy"):
        return "up" if probe.status == "healthy" else "unknown"
    was_served = probe.reason in ("timeout", "saturated") and probe.latency_ms is not None
    return "degraded" if was_served or probe.reason == "rate_limited" else "failed"


def report_not_configured() -> ProbeResult:
    """Return the result without a key: nothing is known, and nothing is wrong."""
    return ProbeResult("unknown", "not_configured", None)
