"""GET /api/metrics/errors."""

from datetime import datetime
from typing import Any, TypedDict

from callwatch.models.error import Category, Severity
from callwatch.models.shapes.stored import EndpointErrors
from callwatch.models.shapes.unknown import Known


class ErrorCounts(TypedDict):
    """Severities count the last 24 h; unresolved counts groups.

    occurred: total, or null where clients report that they discarded errors.
    """

    total_24h: int | None
    total_1h: int | None
    critical: int | None
    high: int | None
    medium: int | None
    low: int | None
    unresolved: int | None
    buffer_size: int | None
    occurred_24h: int | None
    occurred_1h: int | None


class ErrorSummary(ErrorCounts):
    """The counts, and when the queue was last moved into the database."""

    last_flush: datetime | None


class ClientDiscarded(TypedDict):
    """Errors that clients report as discarded, since the start of the hour in which each window begins; by_reason: 24 h."""

    last_24h: int
    last_hour: int
    by_reason: dict[str, int]


class LogLines(TypedDict):
    """Lines of logs that are no errors, by level."""

    last_24h: dict[str, int]
    last_hour: dict[str, int]


class CrashFree(TypedDict):
    """Sessions of a release in the last 24 h, by its hours; crash_free_rate 0..1."""

    project: int
    environment: str
    release: str
    sessions: int
    errored: int
    crashed: int
    abnormal: int
    crash_free_rate: float | None


class CriticalError(TypedDict):
    """A critical error."""

    timestamp: datetime
    message: str
    category: Category
    context: dict[str, Any] | None


class TopError(TypedDict):
    """One of the most frequent error groups."""

    id: str
    message: str
    count: int
    category: Category
    severity: Severity
    fingerprint: str


class ErrorTrends(TypedDict):
    """24 hours, oldest first."""

    error_rate_per_hour: list[int]
    critical_rate_per_hour: list[int]
    hours: list[datetime]


class ErrorMetrics(Known):
    """GET /api/metrics/errors."""

    timestamp: datetime
    summary: ErrorSummary
    by_category: dict[str, int] | None
    by_endpoint: list[EndpointErrors] | None
    recent_critical: list[CriticalError] | None
    top_errors: list[TopError] | None
    trends: ErrorTrends | None
    client_discarded: ClientDiscarded | None
    log_lines: LogLines | None
    crash_free: list[CrashFree] | None
