"""What one probe found, before streaks are looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch.models.check import Reason, Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """Status and reason of this one probe; latency in ms, None where there was nothing to measure."""

    status: Status
    reason: Reason | None
    latency_ms: float | None
    details: Mapping[str, Any] = field(default_factory=dict)


def not_configured() -> Verdict:
    """There is no key: nothing is known, and nothing is wrong."""
    return Verdict("unknown", "not_configured", None)
