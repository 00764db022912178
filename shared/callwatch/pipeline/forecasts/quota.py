"""When the quota of a day is used up, from what was used so far and from the course of earlier days. Pure.

Each earlier day of the same kind gives one forecast: the rest of that day, faster or slower by as much as the last hours of today
are than its own at the same clock time. Their median is the forecast, and their range its uncertainty.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from callwatch.pipeline.forecasts.forecast import Forecast

HOUR = timedelta(hours=1)
# The pace of a day is that of its last hours: a change of the model or of the traffic shows there first.
RECENT = timedelta(hours=3)
MIN_DAYS, MAX_DAYS = 3, 10
# Fewer uses say little about the pace: its error is one in the square root of their number.
MIN_USES = 20
_ONE_SIDED_95 = 1.645
# As many of the earlier days must agree, at the slowest pace that the number of uses allows.
_AGREE = 0.9


@dataclass(frozen=True, slots=True)
class Course:
    """What was used in a day by hour. since, until: its bounds. quantities: by the beginning of the hour."""

    since: datetime
    until: datetime
    quantities: Mapping[datetime, float]

    def estimate_used(self, at: datetime) -> float:
        """How much was used by a time; within an hour, use is taken as even."""
        total = 0.0
        for hour, quantity in self.quantities.items():
            share = (min(at, self.until) - hour) / HOUR
            total += quantity * min(1.0, max(0.0, share))
        return total


@dataclass(frozen=True, slots=True)
class Today:
    """What was used today. uses: how many requests the last hours hold."""

    now: datetime
    until: datetime
    used: float
    recent: float
    uses: int


def forecast_quota(limit: float, today: Today, earlier: Sequence[tuple[Course, datetime]]) -> Forecast | None:
    """When a quota is used up, its bounds by the fastest and by the slowest earlier day; None if it lasts.

    earlier: the courses of earlier days, each with its time of today's clock.
    """
    if today.used >= limit:
        return Forecast(0.0, 0.0, 0.0)
    slowest = 1 - _ONE_SIDED_95 / math.sqrt(max(1, today.uses))
    found, sure = [], 0
    for course, at in earlier:
        pace = _compare_pace(today, course, at)
        if pace is None:
            continue
        left = limit - today.used
        found.append(_find_end(course, at, left, pace))
        sure += _find_end(course, at, left, pace * slowest) is not None
    if not found or sure < math.ceil(_AGREE * len(found)):
        return None
    within = (today.until - today.now).total_seconds()
    ends = sorted(within * 2 if end is None else end for end in found)
    middle = median(ends)
    return None if middle > within else Forecast(middle, ends[0], None if ends[-1] > within else ends[-1])


def has_pace(today: Today, earlier: Sequence[tuple[Course, datetime]]) -> bool:
    """Whether enough earlier days were at work at this time of the day to compare with."""
    return sum(_compare_pace(today, course, at) is not None for course, at in earlier) >= MIN_DAYS


def _compare_pace(today: Today, course: Course, at: datetime) -> float | None:
    """How much faster today is than an earlier day was in the same hours; None if that day did nothing in them."""
    usual = course.estimate_used(at) - course.estimate_used(max(course.since, at - RECENT))
    return today.recent / usual if usual > 0 else None


def _find_end(course: Course, at: datetime, left: float, pace: float) -> float | None:
    """After how many seconds the rest of an earlier day, at a pace, has used what is left; None if it does not."""
    hours = sorted(hour for hour in course.quantities if hour + HOUR > at)
    times = [at, *(min(hour + HOUR, course.until) for hour in hours)]
    base = course.estimate_used(at)
    used = [pace * (course.estimate_used(time) - base) for time in times]
    place = bisect.bisect_left(used, left)
    if place >= len(times):
        return None
    if place == 0:
        return 0.0
    share = (left - used[place - 1]) / (used[place] - used[place - 1])
    return ((times[place - 1] - at) + share * (times[place] - times[place - 1])).total_seconds()
