"""Metrics of the product's jobs: queues, analyses, throughput, backlog."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.models.reason import Reason
from callwatch.pipeline.product import select_for_stages
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


def build_job_metrics(settings: Settings, now: datetime, measured: Measured | None = None) -> JobMetrics:
    """Build the response of GET /api/metrics/jobs. measured: the product, if it is read already."""
    unknown = Unknown()
    if measured is None:
        measured = read_product(settings, now, select_for_stages(get_stages(settings.stages_file)))
    return {
        "timestamp": now,
        "recording_queue": _describe_recordings(Part("recording_queue", measured, unknown)),
        "transcription_queue": _describe_transcriptions(Part("transcription_queue", measured, unknown)),
        "analysis_jobs": _describe_analyses(Part("analysis_jobs", measured, unknown)),
        "throughput": _describe_throughput(Part("throughput", measured, unknown)),
        "backlog": _describe_backlog(Part("backlog", measured, unknown)),
        "unknown": unknown.reasons,
    }


def _describe_recordings(part: Part) -> RecordingQueue:
    return {
        "total": part.get_count("total", "recordings.total"),
        "pending": part.get_count("pending", "recordings.pending"),
        "processing": part.say("processing", None, _NOT_RECORDED),
        "completed": part.get_count("completed", "recordings.completed"),
        "failed": part.get_count("failed", "recordings.failed"),
        "retry_pending": part.get_count("retry_pending", "recordings.retry"),
        "avg_processing_time_ms": part.get_number("avg_processing_time_ms", "recordings.duration_24h.mean", 1000),
        "oldest_pending": part.get_time("oldest_pending", "recordings.oldest_pending"),
        "stale_count": part.get_count("stale_count", "recordings.overdue"),
    }


def _describe_transcriptions(part: Part) -> TranscriptionQueue:
    completed, failed = part.get_count("completed", "transcriptions.completed"), part.get_count("failed", "transcriptions.failed")
    done = None if completed is None or failed is None else completed + failed
    rate = completed / done if completed is not None and done else None
    why = _NOTHING_FINISHED if done == 0 else part.measured.explain_unknown("transcriptions.completed", "transcriptions.failed")
    return {
        "total": part.get_count("total", "transcriptions.total"),
        "pending": part.get_count("pending", "transcriptions.pending"),
        "processing": part.get_count("processing", "transcriptions.processing"),
        "completed": completed,
        "failed": failed,
        "avg_duration_seconds": part.get_number("avg_duration_seconds", "transcriptions.duration_24h.mean"),
        "success_rate": part.say("success_rate", rate, why),
    }


def _describe_analyses(part: Part) -> AnalysisJobs:
    total, why = add_figures(part.measured, "analyses.completed_last_hour", "analyses.failed_last_hour")
    return {
        "total_last_hour": part.say("total_last_hour", total, why),
        "completed": part.get_count("completed", "analyses.completed"),
        "failed": part.get_count("failed", "analyses.failed"),
        "avg_analysis_time_ms": part.get_number("avg_analysis_time_ms", "analyses.duration_24h.mean", 1000),
    }


def _describe_throughput(part: Part) -> Throughput:
    per_minute = 1 / 60
    return {
        "recordings_per_minute": part.get_number("recordings_per_minute", "recordings.completed_last_hour", per_minute),
        "transcriptions_per_minute": part.get_number(
            "transcriptions_per_minute", "transcriptions.completed_last_hour", per_minute
        ),
        "analyses_per_minute": part.get_number("analyses_per_minute", "analyses.completed_last_hour", per_minute),
    }


def _describe_backlog(part: Part) -> Backlog:
    """Return the backlog in hours: how long the oldest due work has been due; 0 if none is."""
    measured = part.measured
    hours = {stage: _compute_backlog_hours(measured, stage) for stage in _QUEUES}
    states = [_is_critical(measured, stage, value) for stage, value in hours.items()]
    is_critical = True if True in states else None if None in states else False
    why = measured.explain_unknown(*(f"{stage}.{name}" for stage in _QUEUES for name in ("due", "completed_10m", "due_since")))
    return {
        "recordings_backlog_hours": part.say(
            "recordings_backlog_hours", hours["recordings"], measured.explain_unknown("recordings.due_since")
        ),
        "transcriptions_backlog_hours": part.say(
            "transcriptions_backlog_hours", hours["transcriptions"], measured.explain_unknown("transcriptions.due_since")
        ),
        "critical_backlog": part.say("critical_backlog", is_critical, why),
    }


def _compute_backlog_hours(measured: Measured, stage: str) -> float | None:
    since = measured.get_time(f"{stage}.due_since")
    if since is None:
        return 0.0 if measured.explain_unknown(f"{stage}.due_since") == NOTHING_DUE else None
    return round(max(0.0, (measured.at - since).total_seconds()) / 3600, 2)


def _is_critical(measured: Measured, stage: str, hours: float | None) -> bool | None:
    if hours is not None and hours > _CRITICAL_BACKLOG_H:
        return True
    return None if hours is None else is_stopped(measured, stage)
