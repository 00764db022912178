"""The history of the product's stages: one row per figure and minute, thinned to one row per hour."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import execute_rows

MINUTES_KEPT = timedelta(days=7)
HOURS_KEPT = timedelta(days=91)

_KEEP_MINUTE = """
    INSERT INTO callwatch.stage_minutes AS known (stage, figure, minute, value) VALUES %s
    ON CONFLICT (stage, figure, minute) DO UPDATE SET value = EXCLUDED.value
"""
_KEEP_HOUR = """
    INSERT INTO callwatch.stage_hours AS known (stage, figure, hour, samples, total, peak) VALUES %s
    ON CONFLICT (stage, figure, hour) DO UPDATE SET samples = known.samples + 1,
        total = known.total + EXCLUDED.total, peak = greatest(known.peak, EXCLUDED.peak)
"""
_MINUTES = """
    SELECT stage, figure, date_bin(%(step)s, minute, %(since)s) AS at, avg(value) AS mean, max(value) AS peak
    FROM callwatch.stage_minutes WHERE minute >= %(since)s AND minute < %(until)s
    GROUP BY stage, figure, at
"""
_HOURS = """
    SELECT stage, figure, date_bin(%(step)s, hour, %(since)s) AS at, sum(total) / sum(samples) AS mean, max(peak) AS peak
    FROM callwatch.stage_hours WHERE hour >= %(since)s AND hour < %(until)s
    GROUP BY stage, figure, at
"""
_LATEST = """
    SELECT DISTINCT ON (stage) stage, value FROM callwatch.stage_minutes
    WHERE figure = %(figure)s AND minute >= %(since)s ORDER BY stage, minute DESC
"""
_RECENT = """
    SELECT stage, minute AS at, value FROM callwatch.stage_minutes
    WHERE stage = ANY (%(stages)s) AND figure = %(figure)s AND minute = ANY (%(minutes)s)
"""
_MEANS = """
    SELECT stage, hour AS at, total / samples AS value FROM callwatch.stage_hours
    WHERE stage = ANY (%(stages)s) AND figure = %(figure)s AND hour = ANY (%(hours)s) AND samples >= %(least)s
"""


class StageDepth(TypedDict):
    """A figure of a stage in a step: its mean and its peak."""

    stage: str
    figure: str
    at: datetime
    mean: float
    peak: float


class DepthAt(TypedDict):
    """A figure of a stage in a minute, or its mean in an hour."""

    stage: str
    at: datetime
    value: float


class _LatestRow(TypedDict):
    stage: str
    value: float


def keep_depths(conn: AnyConnection, at: datetime, figures: Iterable[tuple[str, str, float]]) -> None:
    """Store (stage, figure, value) as read at a time; a later reading of the same minute replaces it. The caller commits."""
    minute = at.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    rows = sorted(figures)
    execute_rows(conn, _KEEP_MINUTE, [(stage, figure, minute, value) for stage, figure, value in rows])
    execute_rows(conn, _KEEP_HOUR, [(stage, figure, hour, 1, value, value) for stage, figure, value in rows])


def read_depths_between(conn: AnyConnection, since: datetime, until: datetime, step: timedelta) -> list[StageDepth]:
    """One row per figure and step, which is counted from `since`; whole hours are read from the thinned rows."""
    is_by_hour = step >= timedelta(hours=1)
    return fetch_all(conn, _HOURS if is_by_hour else _MINUTES, {"since": since, "until": until, "step": step}, StageDepth)


def read_latest_depths(conn: AnyConnection, figure: str, since: datetime) -> dict[str, float]:
    """The latest value of a figure by stage; a stage that was not read since then is missing."""
    return {row["stage"]: row["value"] for row in fetch_all(conn, _LATEST, {"figure": figure, "since": since}, _LatestRow)}


def read_minutes(conn: AnyConnection, stages: Iterable[str], figure: str, minutes: Iterable[datetime]) -> list[DepthAt]:
    """A figure of these stages in these minutes, as far as they were read."""
    return fetch_all(conn, _RECENT, {"stages": list(stages), "figure": figure, "minutes": list(minutes)}, DepthAt)


def read_hours(
    conn: AnyConnection, stages: Iterable[str], figure: str, hours: Iterable[datetime], least_samples: int
) -> list[DepthAt]:
    """The mean of a figure of these stages in these hours, as far as it was read at least so often."""
    given = {"stages": list(stages), "figure": figure, "hours": list(hours), "least": least_samples}
    return fetch_all(conn, _MEANS, given, DepthAt)


def delete_old_depths(conn: AnyConnection, now: datetime) -> None:
    """Delete minutes after 7 days, and hours after 91. The caller commits."""
    execute(conn, "DELETE FROM callwatch.stage_minutes WHERE minute < %s", (now - MINUTES_KEPT,))
    execute(conn, "DELETE FROM callwatch.stage_hours WHERE hour < %s", (now - HOURS_KEPT,))
