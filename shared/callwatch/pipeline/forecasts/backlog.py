"""When the backlog of a stage reaches its limit, by its trend; only where chance does not explain that it grows. Pure.

A backlog wanders: a line fitted through its depths looks significant where nothing changed, because each depth contains the one
before. What is random are its steps. So the steps between depths that lie STEP_MIN apart are compared with zero by a t-test,
which holds its rate for a random walk of any step size and is cautious for a depth that returns to its mean. The steps that
earlier days had at the same clock time are subtracted, so that the usual morning is no trend.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median, variance

from callwatch.pipeline.forecasts.forecast import Forecast

STEP_MIN, STEPS = 10, 8
SPAN = timedelta(minutes=STEP_MIN * STEPS)
# Student's t with 7 degrees of freedom: one-sided 0.05 %, and both sides of 95 %.
_SIGNIFICANT_T, _BOUND_T = 5.408, 2.365
# A depth is the median of the readings of these minutes, so that one odd reading is none.
_AROUND_MIN = (-2, -1, 0, 1, 2)


@dataclass(frozen=True, slots=True)
class Growth:
    """A backlog that grows beyond chance. per_hour: items; low, high: its bounds of 95 %."""

    depth: float
    per_hour: float
    low: float
    high: float


def list_times(now: datetime) -> list[datetime]:
    """The times at which depths are compared, oldest first; the newest is now."""
    return [now - timedelta(minutes=STEP_MIN * back) for back in range(STEPS, -1, -1)]


def list_minutes(times: Sequence[datetime]) -> list[datetime]:
    """The minutes whose readings give the depths at these times."""
    return [at.replace(second=0, microsecond=0) + timedelta(minutes=each) for at in times for each in _AROUND_MIN]


def read_depths(minutes: Mapping[datetime, float], times: Sequence[datetime]) -> list[float] | None:
    """The depth at each of these times; None if one of them was not read. minutes: the depth by minute."""
    found = [[minutes[minute] for minute in list_minutes([at]) if minute in minutes] for at in times]
    return [median(values) for values in found] if all(found) else None


def list_steps(depths: Sequence[float]) -> list[float]:
    """The differences between consecutive depths."""
    return [after - before for before, after in itertools.pairwise(depths)]


def find_growth(depths: Sequence[float], usual: Sequence[float]) -> Growth | None:
    """How a backlog grows; None if chance or the time of day explains it. usual: the steps of earlier days."""
    steps = list_steps(depths)
    excess = [step - each for step, each in zip(steps, usual, strict=True)]
    if not (_is_beyond_chance(steps) and _is_beyond_chance(excess)):
        return None
    per_hour, slope, error = 60 / STEP_MIN, compute_slope(depths), _BOUND_T * _find_error(steps)
    return Growth(depths[-1], slope * per_hour, (slope - error) * per_hour, (slope + error) * per_hour)


def _is_beyond_chance(steps: Sequence[float]) -> bool:
    return fmean(steps) > _SIGNIFICANT_T * _find_error(steps) if fmean(steps) > 0 else False


def _find_error(steps: Sequence[float]) -> float:
    """The standard error of the mean step. Arrivals at random vary by their number at least: equal steps are no certainty."""
    return math.sqrt(max(variance(steps), abs(fmean(steps))) / len(steps))


def compute_slope(depths: Sequence[float]) -> float:
    """The median slope between any two depths (Theil and Sen), per step: one odd reading does not turn it."""
    places = range(len(depths))
    return median((depths[after] - depths[before]) / (after - before) for before in places for after in places if before < after)


def forecast_limit(growth: Growth, limit: float) -> Forecast | None:
    """When a growing backlog reaches a limit; None if its slope is not upwards."""
    left = max(0.0, limit - growth.depth)
    if growth.per_hour <= 0:
        return None
    until_s = 3600 * left / growth.low if growth.low > 0 else None
    return Forecast(3600 * left / growth.per_hour, 3600 * left / growth.high, until_s)
