"""The product's pipeline: stages, freshness, completeness, crons."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.models.reason import Reason
from callwatch.pipeline.completeness import AVAILABILITY, measure_completeness, measure_completeness_by_source
from callwatch.pipeline.crons import HEARTBEATS, NEVER, list_crons
from callwatch.pipeline.freshness import FIRST_AT, LAST_AT, estimate_expected_per_hour
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.queries.states import UnlistedState as StateRows
from callwatch.pipeline.queries.states import read_unlisted
from callwatch.pipeline.samples import count_odd_rows, count_undated
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.unlisted import list_misspelled
from callwatch.reports.figures import Part
from callwatch.reports.items.agencies import list_agencies
from callwatch.reports.items.forecasts import list_stage_forecasts
from callwatch.reports.missing_values import Unknown
from callwatch.reports.product import read_product
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.pipeline import Cron, Freshness, Misspelled, OddRows, Pipeline, StageFigures, UnlistedState

_NO_HISTORY = Reason("no_traffic", "no earlier day can be compared with this hour")
_NOT_DESCRIBED = Reason("not_configured", "the stage file does not define it")
_NOTHING_FINISHED = Reason("no_traffic", "nothing finished in the last hour")


def build_pipeline(
    settings: Settings,
    now: datetime,
    is_by_agency: bool = False,
    measured: Measured | None = None,
    has_forecasts: bool = False,
) -> Pipeline:
    """Build the response of GET /api/pipeline.

    is_by_agency: with the same figures by agency. measured: the product, if it is read already. has_forecasts: with forecasts.
    """
    stages = get_stages(settings.stages_file)
    if measured is None:
        measured = read_product(settings, now)
    unknown = Unknown()
    availability, why = measured.get(f"{AVAILABILITY}.ratio"), measured.explain_unknown(f"{AVAILABILITY}.ratio")
    found: Pipeline = {
        "timestamp": now,
        "stages": [
            _describe_stage(stage, Part(f"stages.{index}", measured, unknown)) for index, stage in enumerate(stages.stages)
        ],
        "freshness": _describe_freshness(Part("freshness", measured, unknown)),
        "recording_availability": unknown.say("recording_availability", availability, why),
        "field_completeness": _describe_completeness(stages, measured, unknown),
        "field_completeness_by_source": _describe_completeness_by_source(stages, measured, unknown),
        "crons": _describe_crons(stages, measured, unknown),
        "odd_rows": _describe_odd_rows(stages, measured, unknown),
        "misspelled": _describe_misspelled(stages, measured, unknown),
        "unknown": unknown.reasons,
    }
    if has_forecasts:
        found["forecasts"] = list_stage_forecasts(settings, now, unknown)
    if is_by_agency:
        agencies, why_none = list_agencies(settings, now, unknown)
        found["agencies"] = unknown.say("agencies", agencies, why_none)
    return found


def _describe_stage(stage: Stage, part: Part) -> StageFigures:
    undated_count, why_undated = count_undated(stage, part.measured)
    unlisted, why_unlisted = read_unlisted(stage, part.measured)

    def count(figure: str) -> int | None:
        return part.get_count(figure, f"{stage.name}.{figure}")

    return {
        "name": stage.name,
        "pending": count("pending"),
        "processing": count("processing"),
        "failed": count("failed"),
        "completed_last_hour": count("completed_last_hour"),
        "stuck": count("stuck"),
        "undated": part.say("undated", undated_count, why_undated),
        "unlisted": count("unlisted"),
        "unlisted_states": part.say("unlisted_states", _describe_unlisted_states(unlisted), why_unlisted),
        "zombie": count("zombie"),
        "dead": count("dead"),
        "orphan": count("orphan"),
        "false_success": count("false_success"),
        "oldest_pending_at": part.get_time("oldest_pending_at", f"{stage.name}.oldest_pending"),
        "throughput_per_minute": part.get_number("throughput_per_minute", f"{stage.name}.completed_last_hour", 1 / 60),
        "success_rate": _compute_success_rate(stage, part),
        "p50_s": part.get_number("p50_s", f"{stage.name}.duration.p50"),
        "p95_s": part.get_number("p95_s", f"{stage.name}.duration.p95"),
    }


def _describe_unlisted_states(found: list[StateRows] | None) -> list[UnlistedState] | None:
    return None if found is None else [{"state": each.state, "rows": each.rows} for each in found]


def _compute_success_rate(stage: Stage, part: Part) -> float | None:
    done_name, failed_name = f"{stage.name}.completed_last_hour", f"{stage.name}.failed_last_hour"
    done, failed = part.measured.get(done_name), part.measured.get(failed_name)
    finished = None if done is None or failed is None else done + failed
    rate = round((done or 0) / finished, 4) if finished else None
    return part.say(
        "success_rate", rate, _NOTHING_FINISHED if finished == 0 else part.measured.explain_unknown(done_name, failed_name)
    )


def _describe_freshness(part: Part) -> Freshness:
    measured = part.measured
    reasons = (measured.unknown.get(name) for name in ("freshness.window_3600", "freshness", FIRST_AT))
    why = next((reason for reason in reasons if reason), None)
    if why is None:
        why = _NO_HISTORY if measured.get(FIRST_AT) is not None else measured.explain_unknown(FIRST_AT)
    return {
        "last_call_at": part.get_time("last_call_at", LAST_AT),
        "expected_per_hour": part.say("expected_per_hour", estimate_expected_per_hour(measured), why),
        "actual_last_hour": part.get_count("actual_last_hour", "freshness.last_hour"),
    }


def _describe_completeness(stages: StageFile, measured: Measured, unknown: Unknown) -> dict[str, float | None] | None:
    given = stages.parts.get("completeness")
    if given is None:
        return unknown.say("field_completeness", None, _NOT_DESCRIBED)
    return {
        column: unknown.say(f"field_completeness.{column}", *measure_completeness(measured, column))
        for column in given["columns"]
    }


def _describe_completeness_by_source(
    stages: StageFile, measured: Measured, unknown: Unknown
) -> dict[str, dict[str, float]] | None:
    given = stages.parts.get("completeness")
    if given is None:
        return unknown.say("field_completeness_by_source", None, _NOT_DESCRIBED)
    return measure_completeness_by_source(measured, given["columns"])


def _describe_crons(stages: StageFile, measured: Measured, unknown: Unknown) -> list[Cron]:
    given = stages.parts.get("heartbeats")
    is_read = HEARTBEATS in measured.rows
    shown: list[Cron] = []
    for index, cron in enumerate(list_crons(given, measured) if given else ()):
        why = (cron.unknown or NEVER) if is_read else measured.explain_unknown(HEARTBEATS)
        last_ok_at = unknown.say(f"crons.{index}.last_ok_at", cron.last_ok_at, why)
        is_late = unknown.say(f"crons.{index}.is_late", cron.is_late, why)
        shown.append({"name": cron.name, "period_s": cron.period_s, "last_ok_at": last_ok_at, "is_late": is_late})
    return shown


def _describe_odd_rows(stages: StageFile, measured: Measured, unknown: Unknown) -> list[OddRows]:
    shown: list[OddRows] = []
    for index, ((table, column), total) in enumerate(sorted(count_odd_rows(stages, measured).items(), key=lambda item: item[0])):
        ahead, early = (None, None) if total.unread else (total.ahead, total.early)
        in_future = unknown.say(f"odd_rows.{index}.in_future", ahead, total.unread)
        unreadable = unknown.say(f"odd_rows.{index}.unreadable", early, total.unread)
        shown.append({"table": table, "column": column, "in_future": in_future, "unreadable": unreadable})
    return shown


def _describe_misspelled(stages: StageFile, measured: Measured, unknown: Unknown) -> list[Misspelled]:
    shown: list[Misspelled] = []
    for index, each in enumerate(list_misspelled(stages, measured)):
        rows = unknown.say(f"misspelled.{index}.rows", each.rows, each.unread)
        shown.append({"table": each.table, "column": each.column, "rows": rows})
    return shown
