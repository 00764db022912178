"""The outcome of one check of one service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]
Reason = Literal["not_configured", "auth", "quota", "rate_limited", "timeout", "unreachable", "tls", "saturated", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: status and reason as the API shows them, latency in ms, time in aware UTC.

    latency_ms is None if no response was measured; reason is None if the service is healthy.
    """

    service: str
    status: Status
    latency_ms: float | None
    reason: Reason | None
    checked_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
