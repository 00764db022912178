"""The ranges that charts ask for, and the equal steps that they consist of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.error_queries.error_retention import MINUTES_KEPT
from callwatch.exceptions import Invalid

if TYPE_CHECKING:
    from callwatch.models.shapes.history import BeforeName, FreeRangeName, RangeName

    Points = list[tuple[datetime, float | None]]

# Length of a range and of its steps in s: about as many points as a chart has pixels.
RANGES: Mapping[RangeName, tuple[int, int]] = {
    "1h": (3600, 60),
    "6h": (6 * 3600, 300),
    "24h": (86_400, 900),
    "7d": (7 * 86_400, 3600),
    "30d": (30 * 86_400, 4 * 3600),
    "90d": (90 * 86_400, 12 * 3600),
}
# How long before now a range may end, to compare with.
BEFORE: Mapping[BeforeName, timedelta] = {"now": timedelta(), "1d": timedelta(days=1), "7d": timedelta(days=7)}
# A free range has the shortest of these steps that gives at most MAX_POINTS points.
STEPS_S = (60, 300, 900, 3600, 4 * 3600, 12 * 3600)
MAX_POINTS = 180
MAX_LENGTH = timedelta(days=90)
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Range:
    """Whole steps of step_s from `since` to before `until`."""

    name: RangeName | FreeRangeName
    since: datetime
    until: datetime
    step_s: int


def take_named(now: datetime, name: RangeName, before: timedelta = timedelta(), least_step_s: int = 0) -> Range:
    """Return one of RANGES: its last step contains `now`, and has only just begun, or the moment `before` that."""
    length_s, step_s = RANGES[name]
    last = _floor(now - before, step_s)
    step_s = _lengthen(max(step_s, least_step_s), last - timedelta(seconds=length_s - step_s), now)
    until = _floor(now - before, step_s) + timedelta(seconds=step_s)
    return Range(name, _floor(until - timedelta(seconds=max(length_s, step_s)), step_s), until, step_s)


def take_free(now: datetime, since: datetime, until: datetime, before: timedelta = timedelta(), least_step_s: int = 0) -> Range:
    """Return the steps that contain the times from `since` to `until`, none after `now`, moved back by `before`.

    Raises Invalid.
    """
    until = min(until, now)
    if until <= since:
        raise Invalid("from", "must be before `to` and before now")
    if until - since > MAX_LENGTH:
        raise Invalid("from", f"must be at most {MAX_LENGTH.days} days before `to`")
    length_s = (until - since).total_seconds()
    fitting_s = next((step_s for step_s in STEPS_S if length_s <= step_s * MAX_POINTS), STEPS_S[-1])
    step_s = _lengthen(max(fitting_s, least_step_s), since - before, now)
    end = _floor(until - before, step_s)
    is_within = end < until - before
    return Range("custom", _floor(since - before, step_s), end + timedelta(seconds=step_s * is_within), step_s)


def _lengthen(step_s: int, since: datetime, now: datetime) -> int:
    """Return a step of at least an hour for what is older than counters by minute: those are gone, which is not 0."""
    return step_s if since >= now - MINUTES_KEPT else max(step_s, _HOUR_S)


def _floor(at: datetime, step_s: int) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // step_s * step_s, UTC)


class Steps:
    """The equal steps of a range. kept_since: what happened earlier is unknown, even whether anything did.

    stored_until: what arrived later may still wait in the queue, so that no count of it is known to be 0.
    """

    def __init__(self, now: datetime, asked: Range, kept_since: datetime) -> None:
        self.now = now
        self.kept_since = kept_since
        self.stored_until = now
        self.step = timedelta(seconds=asked.step_s)
        self.since = asked.since
        self.until = asked.until
        self.starts = [asked.since + n * self.step for n in range((asked.until - asked.since) // self.step)]

    def list_points(self, values: Mapping[datetime, float | None]) -> Points:
        """Return (time, value) of every step; None where there is none."""
        return [(start, values.get(start)) for start in self.starts]

    def list_counts(self, values: Mapping[datetime, float | None]) -> Points:
        """Return (time, value) of every step; 0 where a step that is kept and stored has no count."""
        return [(start, values.get(start, 0 if self.is_kept(start) and self.is_stored(start) else None)) for start in self.starts]

    def is_kept(self, start: datetime) -> bool:
        """Whether a step, or a part of it, is still stored."""
        return start + self.step > self.kept_since

    def is_stored(self, start: datetime) -> bool:
        """Whether what arrived in a step, or in a part of it, is known to be stored."""
        return start < self.stored_until

    def count_minutes(self, start: datetime) -> float:
        """Return the minutes of a step that have passed and are stored, at least 1."""
        end = min(start + self.step, self.stored_until if self.is_stored(start) else self.now)
        return max(60.0, (end - start).total_seconds()) / 60
