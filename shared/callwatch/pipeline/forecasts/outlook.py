"""The outlook of each stage with a limit: whether its backlog grows, and when it is full; from the stored depths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.stage_depths import MINUTES_KEPT, read_minutes
from callwatch.models.reason import Reason
from callwatch.pipeline.comparable import classify_day
from callwatch.pipeline.forecasts.backlog import (
    SPAN,
    Growth,
    find_growth,
    forecast_limit,
    list_minutes,
    list_steps,
    list_times,
    read_depths,
)
from callwatch.pipeline.forecasts.forecast import Forecast
from callwatch.pipeline.queries.stage import Stage, StageFile

MIN_DAYS = 3
_NO_LIMIT = Reason("not_configured", "the stage file gives this stage no limit")
_GAPS = Reason("not_recorded", f"the backlog was not read throughout the last {SPAN.seconds // 60} min")
_NO_DAYS = Reason("not_recorded", f"fewer than {MIN_DAYS} earlier days show how this backlog usually goes at this time")
Depths = Mapping[datetime, float]
# The times of today's clock on an earlier day, and whether that day is of the same kind.
Day = tuple[Sequence[datetime], bool]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the trend of a stage says. growth, forecast: None if its backlog does not grow. why: why that is unknown."""

    stage: Stage
    growth: Growth | None = None
    forecast: Forecast | None = None
    why: Reason | None = None


def read_outlooks(conn: AnyConnection, stages: StageFile, now: datetime, zone: ZoneInfo) -> list[Outlook]:
    """The outlook of each stage, in the order of the file."""
    times, days = list_times(now), _list_days(now, zone)
    minutes = {minute for each in (times, *(day for day, _is_alike in days)) for minute in list_minutes(each)}
    known: dict[str, dict[datetime, float]] = {}
    for row in read_minutes(conn, [stage.name for stage in stages.stages if stage.limit], "pending", minutes):
        known.setdefault(row["stage"], {})[row["at"]] = row["value"]
    return [judge_stage(stage, known.get(stage.name, {}), times, days) for stage in stages.stages]


def judge_stage(stage: Stage, known: Depths, times: Sequence[datetime], days: Sequence[Day]) -> Outlook:
    """The outlook of one stage. known: its depth by minute; times: those of today; days: the same of earlier ones. Pure."""
    if stage.limit is None:
        return Outlook(stage, why=_NO_LIMIT)
    depths = read_depths(known, times)
    if depths is None:
        return Outlook(stage, why=_GAPS)
    usual = find_usual_steps(known, days)
    if usual is None:
        return Outlook(stage, why=_NO_DAYS)
    growth = find_growth(depths, usual)
    return Outlook(stage, growth, forecast_limit(growth, stage.limit) if growth else None)


def find_usual_steps(known: Depths, days: Sequence[Day]) -> list[float] | None:
    """The median steps of earlier days at these clock times: of days of the same kind, or of all if those are too few."""
    courses = [(read_depths(known, times), is_alike) for times, is_alike in days]
    alike = [course for course, is_alike in courses if course and is_alike]
    found = alike if len(alike) >= MIN_DAYS else [course for course, _is_alike in courses if course]
    if len(found) < MIN_DAYS:
        return None
    return [median(steps) for steps in zip(*(list_steps(course) for course in found), strict=True)]


def _list_days(now: datetime, zone: ZoneInfo) -> list[Day]:
    """For each earlier day whose minutes are kept, the newest first."""
    local = now.astimezone(zone)
    days = [local - timedelta(days=back) for back in range(1, MINUTES_KEPT.days + 1)]
    return [(list_times(day.astimezone(UTC)), classify_day(day) == classify_day(local)) for day in days]
