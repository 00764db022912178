"""GET /api/metrics/jobs."""

from datetime import datetime
from typing import TypedDict

from callwatch.models.shapes.unknown import Known


class RecordingQueue(TypedDict):
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


class TranscriptionQueue(TypedDict):
    """Completed and failed: last 24 h; success_rate 0..1."""

    total: int | None
    pending: int | None
    processing: int | None
    completed: int | None
    failed: int | None
    avg_duration_seconds: float | None
    success_rate: float | None


class AnalysisJobs(TypedDict):
    """Completed and failed: last 24 h; total_last_hour: both, in the last hour."""

    total_last_hour: int | None
    completed: int | None
    failed: int | None
    avg_analysis_time_ms: float | None


class Throughput(TypedDict):
    """Completions per minute, over the last hour."""

    recordings_per_minute: float | None
    transcriptions_per_minute: float | None
    analyses_per_minute: float | None


class Backlog(TypedDict):
    """How long the oldest due work has been due, in hours."""

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
