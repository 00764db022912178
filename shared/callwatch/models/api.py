"""The answers of the API about the product and its errors, as models: what the OpenAPI document is generated from.

Every figure may be null: the answer's `unknown` then says why, by dotted path. Fields are only ever added.
"""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ServiceStatus = Literal["healthy", "degraded", "unhealthy", "unknown"]
Reason = Literal["not_configured", "auth", "quota", "rate_limited", "timeout", "unreachable", "error"]
Severity = Literal["low", "medium", "high", "critical"]
Category = Literal["database", "api", "authentication", "validation", "integration", "system", "unknown"]
GroupState = Literal["new", "unresolved", "resolved", "ignored", "regressed"]


class Answer(BaseModel):
    """Unknown fields are none: what the API gives, its models know."""

    model_config = ConfigDict(extra="forbid")


class Known(Answer):
    """An answer whose nulls have reasons."""

    unknown: dict[str, str] = Field(description="Why a figure is null, by dotted path.")


class Pool(Answer):
    """Connections of this process to the database; utilization in percent."""

    total: float
    active: float
    idle: float
    waiting: float
    utilization: float


class ServiceHealth(Answer):
    """One service; latency in ms."""

    status: ServiceStatus
    latency: float | None
    checked_at: datetime | None
    reason: Reason | None = None
    details: Pool | None = None


class QueueHealth(Answer):
    """Both queues of the product together."""

    pending: int | None
    processing: int | None
    failed: int | None
    completed_last_hour: int | None


class ErrorHealth(Answer):
    """Errors of the last hour; buffer_size: accepted and not yet persisted."""

    last_hour: int | None
    critical_count: int | None
    buffer_size: int | None


class Environment(Answer):
    """Where this runs."""

    node_env: str | None
    vercel_env: str | None
    commit_sha: str | None
    stage: str | None
    region: str | None
    version: str


class Memory(Answer):
    """Memory of this process against its limit."""

    used_mb: float | None
    total_mb: float | None
    percent: float | None


class Resources(Answer):
    """Memory and connections of this process."""

    memory: Memory
    pool: Pool


class MonitorHealth(Answer):
    """When the monitor last finished a cycle; late after three minutes."""

    last_cycle_at: datetime | None
    is_late: bool | None


class Health(Known):
    """GET /api/health; without a token the first fields alone."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: datetime
    services: dict[str, ServiceHealth]
    queue: QueueHealth
    errors: ErrorHealth
    uptime: float | None = None
    environment: Environment | None = None
    resources: Resources | None = None
    monitor: MonitorHealth | None = None


class Connections(Answer):
    """Sessions on the database server."""

    active: int | None
    idle: int | None
    total: int | None = None
    max: int | None = None


class DatabaseStatus(Answer):
    """The monitor's database."""

    status: Literal["operational", "down"]
    latency_ms: float | None
    connections: Connections


class RecordingsStatus(Answer):
    """The recordings queue; failed: last 24 h."""

    pending: int | None
    processing: int | None
    failed: int | None
    stale: int | None


class TranscriptionsStatus(Answer):
    """The transcription queue; today begins in TIMEZONE."""

    pending: int | None
    processing: int | None
    completed_today: int | None


class Queues(Answer):
    """The product's queues."""

    recordings: RecordingsStatus
    transcriptions: TranscriptionsStatus


class StatusServices(Answer):
    """What the product is made of."""

    database: DatabaseStatus
    queues: Queues
    external_apis: dict[str, Literal["operational", "degraded", "down", "unknown"]]


class Performance(Answer):
    """The product's requests of the last five minutes; error_rate 0..1."""

    avg_response_time_ms: float | None
    requests_per_minute: float | None
    error_rate: float | None
    p95_ms: float | None


class Issue(Answer):
    """A firing alert."""

    type: Literal["error", "warning", "info"]
    message: str
    since: datetime
    rule_id: str


class RecentActivity(Answer):
    """What was done in the last hour."""

    calls_processed_last_hour: int | None
    recordings_fetched_last_hour: int | None
    transcriptions_completed_last_hour: int | None
    analyses_completed_last_hour: int | None


class Uptime(Answer):
    """Since this process began."""

    seconds: int
    formatted: str


class Caller(Answer):
    """Who asks, and what they may do."""

    role: Literal["none", "ingest", "viewer", "admin"]
    actor: str


class Status(Known):
    """GET /api/status."""

    status: Literal["operational", "degraded", "outage"]
    timestamp: datetime
    uptime: Uptime
    services: StatusServices
    performance: Performance
    issues: list[Issue]
    recent_activity: RecentActivity
    monitor: MonitorHealth
    caller: Caller


class Process(Answer):
    """The running process; uptime in s."""

    uptime: float
    version: str
    platform: str


class PoolPercent(Answer):
    """Connections of this process, with their share in percent."""

    total: float
    active: float
    idle: float
    waiting: float
    utilization_percent: float


class DatabaseMetrics(Answer):
    """The monitor's database."""

    pool: PoolPercent
    connections: Connections
    size_mb: float | None
    cache_hit_percent: float | None
    longest_query_s: float | None
    deadlocks: float | None
    replication_lag_s: float | None


class Route(Answer):
    """Requests of one route; times in ms."""

    route: str
    count: int
    errors: int
    error_rate: float | None
    avg: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class ApiMetrics(Answer):
    """The product's requests of the last five minutes; request_rate a second."""

    request_rate: float | None
    error_rate: float | None
    avg_response_time: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    by_route: list[Route] | None


class LambdaMetrics(Answer):
    """The invocation that answers."""

    cold_start: bool | None
    memory_limit_mb: int | None
    remaining_ms: int | None


class SystemMetrics(Known):
    """GET /api/metrics/system."""

    timestamp: datetime
    process: Process
    memory: Memory
    database: DatabaseMetrics
    api: ApiMetrics
    lambda_: LambdaMetrics = Field(alias="lambda")


class RecordingQueue(Answer):
    """Completed and failed: last 24 h."""

    total: int | None
    pending: int | None
    processing: int | None
    completed: int | None
    failed: int | None
    retry_pending: int | None
    avg_processing_time_ms: float | None
    oldest_pending: datetime | None
    stale_count: int | None


class TranscriptionQueue(Answer):
    """Completed and failed: last 24 h; success_rate 0..1."""

    total: int | None
    pending: int | None
    processing: int | None
    completed: int | None
    failed: int | None
    avg_duration_seconds: float | None
    success_rate: float | None


class AnalysisJobs(Answer):
    """Completed and failed: last 24 h; total_last_hour: both, of the last hour."""

    total_last_hour: int | None
    completed: int | None
    failed: int | None
    avg_analysis_time_ms: float | None


class Throughput(Answer):
    """Completions a minute, over the last hour."""

    recordings_per_minute: float | None
    transcriptions_per_minute: float | None
    analyses_per_minute: float | None


class Backlog(Answer):
    """For how long the oldest due work has been due, in hours."""

    recordings_backlog_hours: float | None
    transcriptions_backlog_hours: float | None
    critical_backlog: bool | None


class JobMetrics(Known):
    """GET /api/metrics/jobs."""

    timestamp: datetime
    recording_queue: RecordingQueue
    transcription_queue: TranscriptionQueue
    analysis_jobs: AnalysisJobs
    throughput: Throughput
    backlog: Backlog


class StageFigures(Answer):
    """One stage. failed, dead, false_success: of 24 h; success_rate, p50_s, p95_s (time an item takes): of an hour."""

    name: str
    pending: int | None
    processing: int | None
    failed: int | None
    completed_last_hour: int | None
    stuck: int | None
    zombie: int | None
    dead: int | None
    orphan: int | None
    false_success: int | None
    oldest_pending_at: datetime | None
    throughput_per_minute: float | None
    success_rate: float | None
    p50_s: float | None
    p95_s: float | None


class Freshness(Answer):
    """Incoming calls; expected: the median of this hour on earlier days."""

    last_call_at: datetime | None
    expected_per_hour: float | None
    actual_last_hour: int | None


class Cron(Answer):
    """A cron of the product; late: the last success is older than two periods."""

    name: str
    period_s: float
    last_ok_at: datetime | None
    is_late: bool | None


class Pipeline(Known):
    """GET /api/pipeline; ratios 0..1, completeness: the share of recent calls that have a field."""

    timestamp: datetime
    stages: list[StageFigures]
    freshness: Freshness
    recording_availability: float | None
    field_completeness: dict[str, float | None] | None
    field_completeness_by_source: dict[str, dict[str, float]] | None
    crons: list[Cron]


class Series(Answer):
    """One line of a chart: [time, value] by step, oldest first; a value is null where nothing is known of its step, and
    `unknown` of the answer says why, as in `series.0.points.59.1`."""

    name: str
    unit: Literal["count", "per_minute", "ms", "ratio"]
    labels: dict[str, str]
    points: list[tuple[datetime, float | None]]


class History(Known):
    """GET /api/metrics/history; times are those at which steps of step_s begin, the last of them still running."""

    timestamp: datetime
    metric: Literal["queues", "errors", "requests", "services"]
    range: Literal["1h", "6h", "24h", "7d", "30d", "90d"]
    step_s: int
    from_: datetime = Field(alias="from")
    to: datetime
    series: list[Series] | None


class ErrorSummary(Answer):
    """Severities count 24 h; unresolved counts groups."""

    total_24h: int | None
    total_1h: int | None
    critical: int | None
    high: int | None
    medium: int | None
    low: int | None
    unresolved: int | None
    buffer_size: int | None
    last_flush: datetime | None


class EndpointErrors(Answer):
    """Errors of one endpoint."""

    endpoint: str
    count: int
    last_error: str


class CriticalError(Answer):
    """A critical error."""

    timestamp: datetime
    message: str
    category: Category
    context: dict[str, Any] | None


class TopError(Answer):
    """One of the most frequent error groups."""

    id: str
    message: str
    count: int
    category: Category
    severity: Severity
    fingerprint: str


class ErrorTrends(Answer):
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


class ErrorGroup(Answer):
    """Occurrences that share a fingerprint; trend: by hour, oldest first.

    sampled_occurrences: how many of `count` were counted without keeping what they carried.
    """

    id: str
    fingerprint: str
    title: str
    message: str
    type: str | None
    severity: Severity
    category: Category
    state: GroupState
    count: int
    users: int
    first_seen_at: datetime
    last_seen_at: datetime
    environment: str
    release: str | None
    project_id: int
    sampled_occurrences: int
    trend: list[int]


class ErrorGroupPage(Known):
    """GET /api/errors."""

    items: list[ErrorGroup]
    next_cursor: str | None


class UptimeDay(Answer):
    """One UTC day; uptime in percent."""

    date: date
    uptime: float | None
    status: ServiceStatus


class ServiceUptime(Answer):
    """Percent of checked minutes in which the service was up."""

    uptime_24h: float | None
    uptime_7d: float | None
    uptime_30d: float | None
    uptime_90d: float | None
    days: list[UptimeDay]


class UptimeReport(Known):
    """GET /api/uptime."""

    timestamp: datetime
    services: dict[str, ServiceUptime]
