"""Metrics of the product's jobs: queues, analyses, throughput, backlog."""

from datetime import datetime
from typing import Any

from callwatch.pipeline.measure import Measured, is_stopped, sum_of
from callwatch.pipeline.product import of_stages
from callwatch.pipeline.readings import NOTHING_DUE
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.product import read_product
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings

_NOT_RECORDED = "the product does not record which recordings are being fetched"
_RECORDINGS = {
    "total": "total",
    "pending": "pending",
    "completed": "completed",
    "failed": "failed",
    "retry_pending": "retry",
    "stale_count": "overdue",
}
_CRITICAL_BACKLOG_H = 2.0
_QUEUES = ("recordings", "transcriptions")


def job_metrics(settings: Settings, now: datetime) -> dict[str, Any]:
    """The answer of GET /api/metrics/jobs."""
    unknown = Unknown()
    measured = read_product(settings, now, of_stages(get_stages(settings.stages_file)))
    answer = {
        "timestamp": now,
        "recording_queue": _recordings(measured, unknown),
        "transcription_queue": _transcriptions(measured, unknown),
        "analysis_jobs": _analyses(measured, unknown),
        "throughput": _throughput(measured, unknown),
        "backlog": _backlog(measured, unknown),
    }
    return {**answer, "unknown": unknown.reasons}


def _recordings(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: unknown.say(f"recording_queue.{name}", measured.count(f"recordings.{figure}"), measured.why(f"recordings.{figure}"))
        for name, figure in _RECORDINGS.items()
    }
    shown["processing"] = unknown.say("recording_queue.processing", None, _NOT_RECORDED)
    average, why = _mean(measured, "recordings", 1000)
    shown["avg_processing_time_ms"] = unknown.say("recording_queue.avg_processing_time_ms", average, why)
    oldest = measured.time("recordings.oldest_pending")
    shown["oldest_pending"] = unknown.say("recording_queue.oldest_pending", oldest, measured.why("recordings.oldest_pending"))
    return shown


def _transcriptions(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    names = ("total", "pending", "processing", "completed", "failed")
    shown: dict[str, Any] = {
        n: unknown.say(f"transcription_queue.{n}", measured.count(f"transcriptions.{n}"), measured.why(f"transcriptions.{n}"))
        for n in names
    }
    average, why = _mean(measured, "transcriptions", 1)
    shown["avg_duration_seconds"] = unknown.say("transcription_queue.avg_duration_seconds", average, why)
    completed, failed = shown["completed"], shown["failed"]
    done = None if completed is None or failed is None else completed + failed
    rate = completed / done if done else None
    why = "nothing was finished in the window" if done == 0 else measured.why("transcriptions.completed", "transcriptions.failed")
    shown["success_rate"] = unknown.say("transcription_queue.success_rate", rate, why)
    return shown


def _mean(measured: Measured, stage: str, factor: int) -> tuple[float | None, str]:
    """The mean time of the last 24 h in seconds, times a factor; or None and why."""
    name = f"{stage}.duration_24h.mean"
    seconds = measured.get(name)
    return (None if seconds is None else round(seconds * factor, 3)), measured.why(name)


def _analyses(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    in_hour = ("analyses.completed_last_hour", "analyses.failed_last_hour")
    total, why = sum_of(measured, *in_hour)
    values: dict[str, tuple[Any, str | None]] = {
        "total_last_hour": (total, why),
        "completed": (measured.count("analyses.completed"), measured.why("analyses.completed")),
        "failed": (measured.count("analyses.failed"), measured.why("analyses.failed")),
        "avg_analysis_time_ms": _mean(measured, "analyses", 1000),
    }
    return {name: unknown.say(f"analysis_jobs.{name}", *value) for name, value in values.items()}


def _throughput(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    figures = {
        "recordings_per_minute": "recordings.completed_last_hour",
        "transcriptions_per_minute": "transcriptions.completed_last_hour",
        "analyses_per_minute": "analyses.completed_last_hour",
    }
    shown = {}
    for name, figure in figures.items():
        count = measured.get(figure)
        rate = None if count is None else round(count / 60, 3)
        shown[name] = unknown.say(f"throughput.{name}", rate, measured.why(figure))
    return shown


def _backlog(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    """Backlog in hours: for how long the oldest due work has been due; 0 where nothing is."""
    hours = {stage: _backlog_hours(measured, stage) for stage in _QUEUES}
    shown: dict[str, Any] = {
        f"{stage}_backlog_hours": unknown.say(f"backlog.{stage}_backlog_hours", value, measured.why(f"{stage}.due_since"))
        for stage, value in hours.items()
    }
    judged = [_is_critical(measured, stage, value) for stage, value in hours.items()]
    is_critical = True if True in judged else None if None in judged else False
    why = measured.why(*(f"{stage}.{name}" for stage in _QUEUES for name in ("due", "completed_10m", "due_since")))
    shown["critical_backlog"] = unknown.say("backlog.critical_backlog", is_critical, why)
    return shown


def _backlog_hours(measured: Measured, stage: str) -> float | None:
    since = measured.time(f"{stage}.due_since")
    if since is None:
        return 0.0 if measured.why(f"{stage}.due_since") == NOTHING_DUE else None
    return round(max(0.0, (measured.at - since).total_seconds()) / 3600, 2)


def _is_critical(measured: Measured, stage: str, hours: float | None) -> bool | None:
    if hours is not None and hours > _CRITICAL_BACKLOG_H:
        return True
    return None if hours is None else is_stopped(measured, stage)
