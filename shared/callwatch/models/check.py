"""The outcome of one check of one service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]
Reason = Literal["not_configured", "auth", "quota", "rate_limited", "timeout", "unreachable", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found: status and reason as the API shows them, latency in ms, time in aware UTC.

    latency_ms is None when no answer was measured; reason is None when the service is healthy.
    """

    service: str
    status: Status
    latency_ms: float | None
    reason: Reason | None
    checked_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
