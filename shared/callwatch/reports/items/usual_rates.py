"""What each stage usually completes in an hour that ends at this time of day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.stage_depths import read_hours
from callwatch.models.reason import Reason
from callwatch.pipeline.comparable import DAYS_BACK, DAYS_COMPARED, classify_day
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.pipeline import UsualRate

_HOUR = timedelta(hours=1)
# What is usual changes only four times an hour, so that a refresh without news stays empty.
_QUARTER_S = 900
# The figure is written with each cycle: an hour with fewer readings is only partly known.
_LEAST_SAMPLES = 10
_LEAST_DAYS = 3
_NOT_RECORDED = Reason("not_recorded", "fewer than three earlier days are recorded at this hour, and yesterday is none of them")
# The clock hours that a window touches, with the share of the window in each.
_Shares = Mapping[datetime, float]


def load_usual_rates(
    conn: AnyConnection, settings: Settings, now: datetime
) -> tuple[dict[str, UsualRate | None], dict[str, Reason]]:
    """Return the usual completions per hour of each stage by name, and why one is None.

    One statement reads at most two hours a day of 28 days.
    """
    names = [stage.name for stage in get_stages(settings.stages_file).stages]
    windows = list_windows(now, ZoneInfo(settings.timezone))
    hours = {hour for _is_alike, shares in windows for hour in shares}
    rates: dict[str, dict[datetime, float]] = {}
    for row in read_hours(conn, names, "completed", hours, _LEAST_SAMPLES):
        rates.setdefault(row["stage"], {})[row["at"]] = row["value"] * 60
    found = {name: _find_usual(rates.get(name, {}), windows) for name in names}
    return found, {name: _NOT_RECORDED for name, usual in found.items() if usual is None}


def list_windows(now: datetime, zone: ZoneInfo) -> list[tuple[bool, _Shares]]:
    """List the hour up to this time of the clock on each of the last 28 days, the newest first, and whether the day is alike.

    Workdays resemble each other, Saturdays and Sundays only themselves.
    """
    local = datetime.fromtimestamp(now.timestamp() // _QUARTER_S * _QUARTER_S, zone)
    found = []
    for days in range(1, DAYS_BACK + 1):
        end = local - timedelta(days=days)
        found.append((classify_day(end) == classify_day(local), _share_out(end.astimezone(UTC))))
    return found


def _share_out(end: datetime) -> _Shares:
    hour = end.replace(minute=0, second=0, microsecond=0)
    share = (end - hour) / _HOUR
    return {hour: share, hour - _HOUR: 1 - share} if share else {hour - _HOUR: 1.0}


def _find_usual(rates: Mapping[datetime, float], windows: Sequence[tuple[bool, _Shares]]) -> UsualRate | None:
    known = [(is_alike, _measure(rates, shares)) for is_alike, shares in windows]
    alike = [rate for is_alike, rate in known if is_alike and rate is not None][:DAYS_COMPARED]
    if len(alike) >= _LEAST_DAYS:
        return {"per_hour": round(median(alike), 1), "days": len(alike), "basis": "days_alike"}
    _is_alike, yesterday = known[0]
    return None if yesterday is None else {"per_hour": round(yesterday, 1), "days": 1, "basis": "day_before"}


def _measure(rates: Mapping[datetime, float], shares: _Shares) -> float | None:
    """Return the rate of a window; None if an hour of it is not known."""
    if any(hour not in rates for hour in shares):
        return None
    return sum(rates[hour] * share for hour, share in shares.items())
