"""Metrics of the product's jobs: queues, analyses, throughput, backlog."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.models.reason import Reason
from callwatch.pipeline.product import of_stages
from callwatch.pipeline.queries.query_runner import Measured, add_figures, is_stopped
from callwatch.pipeline.queries.stage_readings import NOTHING_DUE
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.figures import Part
from callwatch.reports.missing_values import Unknown
from callwatch.reports.product import read_product
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.jobs import AnalysisJobs, Backlog, JobMetrics, RecordingQueue, Throughput, TranscriptionQueue

_NOT_RECORDED = Reason("not_recorded", "the product does not record which recordings are being fetched")
_NOTHING_FINISHED = Reason("no_traffic", "nothing finished in the window")
_CRITICAL_BACKLOG_H = 2.0
_QUEUES = ("recordings", "transcriptions")


def job_metrics(settings: Settings, now: datetime, measured: Measured | None = None) -> JobMetrics:
    """Build the response of GET /api/metrics/jobs. measured: the product, if it is read already."""
    unknown = Unknown()
    if measured is None:
        measured = read_product(settings, now, of_stages(get_stages(settings.stages_file)))
    return {
        "timestamp": now,
        "recording_queue": _recordings(Part("recording_queue", measured, unknown)),
        "transcription_queue": _transcriptions(Part("transcription_queue", measured, unknown)),
        "analysis_jobs": _analyses(Part("analysis_jobs", measured, unknown)),
        "throughput": _throughput(Part("throughput", measured, unknown)),
        "backlog": _backlog(Part("backlog", measured, unknown)),
        "unknown": unknown.reasons,
    }


def _recordings(part: Part) -> RecordingQueue:
    return {
        "total": part.count("total", "recordings.total"),
        "pending": part.count("pending", "recordings.pending"),
        "processing": part.say("processing", None, _NOT_RECORDED),
        "completed": part.count("completed", "recordings.completed"),
        "failed": part.count("failed", "recordings.failed"),
        "retry_pending": part.count("retry_pending", "recordings.retry"),
        "avg_processing_time_ms": part.number("avg_processing_time_ms", "recordings.duration_24h.mean", 1000),
        "oldest_pending": part.time("oldest_pending", "recordings.oldest_pending"),
        "stale_count": part.count("stale_count", "recordings.overdue"),
    }


def _transcriptions(part: Part) -> TranscriptionQueue:
    completed, failed = part.count("completed", "transcriptions.completed"), part.count("failed", "transcriptions.failed")
    done = None if completed is None or failed is None else completed + failed
    rate = completed / done if completed is not None and done else None
    why = _NOTHING_FINISHED if done == 0 else part.measured.why("transcriptions.completed", "transcriptions.failed")
    return {
        "total": part.count("total", "transcriptions.total"),
        "pending": part.count("pending", "transcriptions.pending"),
        "processing": part.count("processing", "transcriptions.processing"),
        "completed": completed,
        "failed": failed,
        "avg_duration_seconds": part.number("avg_duration_seconds", "transcriptions.duration_24h.mean"),
        "success_rate": part.say("success_rate", rate, why),
    }


def _analyses(part: Part) -> AnalysisJobs:
    total, why = add_figures(part.measured, "analyses.completed_last_hour", "analyses.failed_last_hour")
    return {
        "total_last_hour": part.say("total_last_hour", total, why),
        "completed": part.count("completed", "analyses.completed"),
        "failed": part.count("failed", "analyses.failed"),
        "avg_analysis_time_ms": part.number("avg_analysis_time_ms", "analyses.duration_24h.mean", 1000),
    }


def _throughput(part: Part) -> Throughput:
    per_minute = 1 / 60
    return {
        "recordings_per_minute": part.number("recordings_per_minute", "recordings.completed_last_hour", per_minute),
        "transcriptions_per_minute": part.number("transcriptions_per_minute", "transcriptions.completed_last_hour", per_minute),
        "analyses_per_minute": part.number("analyses_per_minute", "analyses.completed_last_hour", per_minute),
    }


def _backlog(part: Part) -> Backlog:
    """Return the backlog in hours: how long the oldest due work has been due; 0 if none is."""
    measured = part.measured
    hours = {stage: _backlog_hours(measured, stage) for stage in _QUEUES}
    states = [_is_critical(measured, stage, value) for stage, value in hours.items()]
    is_critical = True if True in states else None if None in states else False
    why = measured.why(*(f"{stage}.{name}" for stage in _QUEUES for name in ("due", "completed_10m", "due_since")))
    return {
        "recordings_backlog_hours": part.say(
            "recordings_backlog_hours", hours["recordings"], measured.why("recordings.due_since")
        ),
        "transcriptions_backlog_hours": part.say(
            "transcriptions_backlog_hours", hours["transcriptions"], measured.why("transcriptions.due_since")
        ),
        "critical_backlog": part.say("critical_backlog", is_critical, why),
    }


def _backlog_hours(measured: Measured, stage: str) -> float | None:
    since = measured.time(f"{stage}.due_since")
    if since is None:
        return 0.0 if measured.why(f"{stage}.due_since") == NOTHING_DUE else None
    return round(max(0.0, (measured.at - since).total_seconds()) / 3600, 2)


def _is_critical(measured: Measured, stage: str, hours: float | None) -> bool | None:
    if hours is not None and hours > _CRITICAL_BACKLOG_H:
        return True
    return None if hours is None else is_stopped(measured, stage)
