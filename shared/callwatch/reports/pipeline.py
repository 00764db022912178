"""The product's pipeline, stage by stage."""

from datetime import datetime
from typing import Any

from callwatch.pipeline.measure import Measured, time_of
from callwatch.reports.status import read_product
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings

_COUNTS = ("pending", "processing", "failed", "completed_last_hour", "stuck", "zombie", "dead", "orphan", "false_success")
STAGES = ("recordings", "transcriptions", "analyses")
_NOT_MEASURED = "this figure is not measured yet"


def pipeline(settings: Settings, now: datetime) -> dict[str, Any]:
    """The answer of GET /api/pipeline; what is not measured yet is null, and says so."""
    unknown = Unknown()
    measured, reason = read_product(settings, now)
    stages = [_stage(measured, name, index, reason, unknown) for index, name in enumerate(STAGES)]
    freshness = {
        "last_call_at": unknown.say("freshness.last_call_at", *_last_call(measured, reason)),
        "expected_per_hour": unknown.say("freshness.expected_per_hour", None, _NOT_MEASURED),
        "actual_last_hour": unknown.say("freshness.actual_last_hour", *_count(measured, "calls.last_hour", reason)),
    }
    return {
        "timestamp": now,
        "stages": stages,
        "freshness": freshness,
        "recording_availability": unknown.say("recording_availability", None, _NOT_MEASURED),
        "field_completeness": unknown.say("field_completeness", None, _NOT_MEASURED),
        "crons": unknown.say("crons", None, _NOT_MEASURED),
        "unknown": unknown.reasons,
    }


def _stage(measured: Measured | None, name: str, index: int, reason: str, unknown: Unknown) -> dict[str, Any]:
    stage: dict[str, Any] = {"name": name}
    path = f"stages.{index}"
    for figure in _COUNTS:
        # A recording that was given up is a dead letter; both words mean the same row there.
        source = "failed" if name == "recordings" and figure == "dead" else figure
        source = "completed" if name == "analyses" and figure == "completed_last_hour" else source
        stage[figure] = unknown.say(f"{path}.{figure}", *_count(measured, f"{name}.{source}", reason))
    oldest = time_of(measured, f"{name}.oldest_pending") if measured else None
    why = _why(measured, f"{name}.oldest_pending", reason)
    stage["oldest_pending_at"] = unknown.say(f"{path}.oldest_pending_at", oldest, why)
    done = stage["completed_last_hour"]
    rate = None if done is None else round(done / 60, 3)
    stage["throughput_per_minute"] = unknown.say(f"{path}.throughput_per_minute", rate, why)
    for figure in ("success_rate", "p50_s", "p95_s"):
        stage[figure] = unknown.say(f"{path}.{figure}", None, _NOT_MEASURED)
    return stage


def _last_call(measured: Measured | None, reason: str) -> tuple[datetime | None, str]:
    when = time_of(measured, "calls.last_at") if measured else None
    return when, _why(measured, "calls.last_at", reason)


def _count(measured: Measured | None, name: str, reason: str) -> tuple[int | None, str]:
    return (measured.count(name) if measured else None), _why(measured, name, reason)


def _why(measured: Measured | None, name: str, reason: str) -> str:
    if measured is None:
        return reason
    return measured.unknown.get(name, _NOT_MEASURED)
