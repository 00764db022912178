"""Metrics of the product's jobs: queues, analyses, throughput, backlog."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.pipeline.measure import Measured, time_of
from callwatch.reports.status import read_product
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings

_NOT_RECORDED = "the product does not record which recordings are being fetched"
_RECORDINGS = {
    "total": "total",
    "pending": "pending",
    "completed": "completed",
    "failed": "failed",
    "retry_pending": "retry_pending",
    "stale_count": "stale",
}
_STUCK_AFTER_S = 600
_CRITICAL_BACKLOG_H = 2.0


@dataclass(slots=True)
class _Nothing(Measured):
    """No figure at all, and the one reason for it."""

    reason: str = ""

    def why(self, *_names: str) -> str:
        """The same for each."""
        return self.reason


def job_metrics(settings: Settings, now: datetime) -> dict[str, Any]:
    """The answer of GET /api/metrics/jobs."""
    unknown = Unknown()
    measured, reason = read_product(settings, now)
    if measured is None:
        measured = _Nothing(now, reason=reason)
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
    average = measured.get("recordings.avg_processing_time_ms")
    why = measured.why("recordings.avg_processing_time_ms")
    shown["avg_processing_time_ms"] = unknown.say("recording_queue.avg_processing_time_ms", average, why)
    oldest = time_of(measured, "recordings.oldest_pending")
    shown["oldest_pending"] = unknown.say("recording_queue.oldest_pending", oldest, measured.why("recordings.oldest_pending"))
    return shown


def _transcriptions(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    names = ("total", "pending", "processing", "completed", "failed")
    shown: dict[str, Any] = {
        n: unknown.say(f"transcription_queue.{n}", measured.count(f"transcriptions.{n}"), measured.why(f"transcriptions.{n}"))
        for n in names
    }
    average = measured.get("transcriptions.avg_duration_seconds")
    why = measured.why("transcriptions.avg_duration_seconds")
    shown["avg_duration_seconds"] = unknown.say("transcription_queue.avg_duration_seconds", average, why)
    completed, failed = shown["completed"], shown["failed"]
    done = None if completed is None or failed is None else completed + failed
    rate = completed / done if done else None
    why = "nothing was finished in the window" if done == 0 else measured.why("transcriptions.completed", "transcriptions.failed")
    shown["success_rate"] = unknown.say("transcription_queue.success_rate", rate, why)
    return shown


def _analyses(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    completed, failed = measured.count("analyses.completed"), measured.count("analyses.failed")
    total = None if completed is None or failed is None else completed + failed
    values: dict[str, tuple[Any, str]] = {
        "total_last_hour": (total, measured.why("analyses.completed", "analyses.failed")),
        "completed": (completed, measured.why("analyses.completed")),
        "failed": (failed, measured.why("analyses.failed")),
        "avg_analysis_time_ms": (measured.get("analyses.avg_time_ms"), measured.why("analyses.avg_time_ms")),
    }
    return {name: unknown.say(f"analysis_jobs.{name}", *value) for name, value in values.items()}


def _throughput(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    figures = {
        "recordings_per_minute": "recordings.completed_last_hour",
        "transcriptions_per_minute": "transcriptions.completed_last_hour",
        "analyses_per_minute": "analyses.completed",
    }
    shown = {}
    for name, figure in figures.items():
        count = measured.get(figure)
        rate = None if count is None else round(count / 60, 3)
        shown[name] = unknown.say(f"throughput.{name}", rate, measured.why(figure))
    return shown


def _backlog(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    """Backlog in hours is the age of the oldest work that waits; 0 where none does."""
    hours = {stage: _backlog_hours(measured, stage) for stage in ("recordings", "transcriptions")}
    shown: dict[str, Any] = {
        f"{stage}_backlog_hours": unknown.say(
            f"backlog.{stage}_backlog_hours", value, measured.why(f"{stage}.pending", f"{stage}.oldest_pending")
        )
        for stage, value in hours.items()
    }
    judged = [_is_critical(measured, stage, value) for stage, value in hours.items()]
    is_critical = True if True in judged else None if None in judged else False
    why = measured.why(*[f"{stage}.{name}" for stage in hours for name in ("pending", "completed_10m")])
    shown["critical_backlog"] = unknown.say("backlog.critical_backlog", is_critical, why)
    return shown


def _backlog_hours(measured: Measured, stage: str) -> float | None:
    if measured.get(f"{stage}.pending") == 0:
        return 0.0
    oldest = time_of(measured, f"{stage}.oldest_pending")
    return None if oldest is None else round(max(0.0, (measured.at - oldest).total_seconds()) / 3600, 2)


def _is_critical(measured: Measured, stage: str, hours: float | None) -> bool | None:
    completed = measured.get(f"{stage}.completed_10m")
    if hours is None:
        return None
    if hours > _CRITICAL_BACKLOG_H:
        return True
    if hours * 3600 <= _STUCK_AFTER_S:
        return False
    return None if completed is None else completed == 0
