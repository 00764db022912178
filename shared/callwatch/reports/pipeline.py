"""The product's pipeline: its stages, what comes in, what it lacks, its crons."""

from datetime import datetime
from typing import Any

from callwatch.pipeline.completeness import AVAILABILITY, completeness_by_source, completeness_of
from callwatch.pipeline.crons import HEARTBEATS, NEVER, crons_of
from callwatch.pipeline.freshness import expected_per_hour
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.stage import Stage, StageFile
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.product import read_product
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings

_COUNTS = ("pending", "processing", "failed", "completed_last_hour", "stuck", "zombie", "dead", "orphan", "false_success")
_NO_HISTORY = "no earlier day can be compared with this hour"
_NOT_DESCRIBED = "the stage file does not describe it"
_NOTHING_FINISHED = "nothing was finished in the last hour"


def pipeline(settings: Settings, now: datetime) -> dict[str, Any]:
    """The answer of GET /api/pipeline."""
    stages = get_stages(settings.stages_file)
    measured = read_product(settings, now)
    unknown = Unknown()
    availability, why = measured.get(f"{AVAILABILITY}.ratio"), measured.why(f"{AVAILABILITY}.ratio")
    return {
        "timestamp": now,
        "stages": [_stage(measured, stage, f"stages.{index}", unknown) for index, stage in enumerate(stages.stages)],
        "freshness": _freshness(measured, unknown),
        "recording_availability": unknown.say("recording_availability", availability, why),
        **_completeness(stages, measured, unknown),
        "crons": _crons(stages, measured, unknown),
        "unknown": unknown.reasons,
    }


def _stage(measured: Measured, stage: Stage, path: str, unknown: Unknown) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": stage.name}
    for figure in _COUNTS:
        name = f"{stage.name}.{figure}"
        shown[figure] = unknown.say(f"{path}.{figure}", measured.count(name), measured.why(name))
    oldest = f"{stage.name}.oldest_pending"
    shown["oldest_pending_at"] = unknown.say(f"{path}.oldest_pending_at", measured.time(oldest), measured.why(oldest))
    done_name, failed_name = f"{stage.name}.completed_last_hour", f"{stage.name}.failed_last_hour"
    done, failed = measured.get(done_name), measured.get(failed_name)
    throughput = None if done is None else round(done / 60, 3)
    shown["throughput_per_minute"] = unknown.say(f"{path}.throughput_per_minute", throughput, measured.why(done_name))
    finished = None if done is None or failed is None else done + failed
    rate = round((done or 0) / finished, 4) if finished else None
    why = _NOTHING_FINISHED if finished == 0 else measured.why(done_name, failed_name)
    shown["success_rate"] = unknown.say(f"{path}.success_rate", rate, why)
    for figure in ("p50", "p95"):
        name = f"{stage.name}.duration.{figure}"
        seconds = measured.get(name)
        value = None if seconds is None else round(seconds, 3)
        shown[f"{figure}_s"] = unknown.say(f"{path}.{figure}_s", value, measured.why(name))
    return shown


def _freshness(measured: Measured, unknown: Unknown) -> dict[str, Any]:
    last_at = measured.time("freshness.last_at")
    expected = expected_per_hour(measured)
    reasons = (measured.unknown.get(name) for name in ("freshness.window_3600", "freshness", "freshness.first_at"))
    why = next((reason for reason in reasons if reason), None)
    if why is None:
        why = _NO_HISTORY if measured.get("freshness.first_at") is not None else measured.why("freshness.first_at")
    last_hour = measured.count("freshness.last_hour")
    return {
        "last_call_at": unknown.say("freshness.last_call_at", last_at, measured.why("freshness.last_at")),
        "expected_per_hour": unknown.say("freshness.expected_per_hour", expected, why),
        "actual_last_hour": unknown.say("freshness.actual_last_hour", last_hour, measured.why("freshness.last_hour")),
    }


def _completeness(stages: StageFile, measured: Measured, unknown: Unknown) -> dict[str, Any]:
    given = stages.parts.get("completeness")
    if given is None:
        return {name: unknown.say(name, None, _NOT_DESCRIBED) for name in ("field_completeness", "field_completeness_by_source")}
    shown = {}
    for column in given["columns"]:
        shown[column] = unknown.say(f"field_completeness.{column}", *completeness_of(measured, column))
    return {"field_completeness": shown, "field_completeness_by_source": completeness_by_source(measured, given["columns"])}


def _crons(stages: StageFile, measured: Measured, unknown: Unknown) -> list[dict[str, Any]]:
    given = stages.parts.get("heartbeats")
    is_read = HEARTBEATS in measured.rows
    shown = []
    for index, cron in enumerate(crons_of(given, measured) if given else ()):
        why = NEVER if is_read else measured.why(HEARTBEATS)
        last_ok_at = unknown.say(f"crons.{index}.last_ok_at", cron.last_ok_at, why)
        is_late = unknown.say(f"crons.{index}.is_late", cron.is_late, why)
        shown.append({"name": cron.name, "period_s": cron.period_s, "last_ok_at": last_ok_at, "is_late": is_late})
    return shown
