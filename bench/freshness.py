"""Evaluates 400 days of calls in three time zones with the freshness that the monitor itself computes.

Two products: an office that works by day, and one that works around the clock. Each begins with one old stray row, closes
for two weeks, and stands still for some hours now and then. It prints false alarms, stops without an alarm, and minutes
that were unknown although an earlier day could be compared with.
"""

import random
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callwatch.alerts.rules.builtin import RULES
from callwatch.pipeline.comparable import COUNTED_OF_DAY, classify_day, list_local_days
from callwatch.pipeline.freshness import NOT_COMPARABLE, list_freshness_samples, list_windows
from callwatch.pipeline.freshness_readings import DAYS
from callwatch.pipeline.queries.query_runner import Measured

# No daylight saving time, the northern one, and the southern one.
ZONES = ("Asia/Kolkata", "America/New_York", "Australia/Sydney")
# A Monday; the following 400 days contain at least two clock changes in either hemisphere.
BEGINS = date(2031, 1, 6)
DAYS_PLAYED = 400
CLOSED = range(150, 164)
STOP_LENGTH = timedelta(hours=4)
# Days with a stop: the first days, around each closure, and at regular intervals.
STOPS = sorted({1, 4, 8, 164, 168, 171, *range(15, 150, 11), *range(180, DAYS_PLAYED, 11)})
_CALLS_PER_HOUR = 40
_OFFICE: Mapping[int, tuple[int, int, float]] = {**dict.fromkeys(range(5), (9, 18, 1.0)), 5: (10, 16, 0.6)}
_ALWAYS: Mapping[int, tuple[int, int, float]] = dict.fromkeys(range(7), (0, 24, 1.0))
PRODUCTS: Mapping[str, Mapping[int, tuple[int, int, float]]] = {"office": _OFFICE, "around the clock": _ALWAYS}
_ALARM = next(rule for rule in RULES if rule.id == "calls_missing").conditions[0]
# Windows still contain a stop for some time after its end.
_ECHO = timedelta(minutes=75)


@dataclass
class Played:
    """How one product in one time zone was evaluated."""

    product: str
    zone: str
    evaluations: int = 0
    false_alarms: list[datetime] = field(default_factory=list)
    stops: int = 0
    missed: list[datetime] = field(default_factory=list)
    slowest_min: float = 0.0
    blind_minutes: int = 0
    first_blind_at: datetime | None = None

    def render_row(self) -> str:
        """Render one line of the table."""
        missed = f"{len(self.missed)} of {self.stops}"
        counts = f"{self.evaluations:11} {len(self.false_alarms):12} {missed:>8} {self.slowest_min:11.0f} {self.blind_minutes:9}"
        return f"{self.product:17} {self.zone:18} {counts}"


_COLUMNS = ("product", "zone", "evaluations", "false alarms", "missed", "slowest min", "blind min")
HEADER = "{:17} {:18} {:>11} {:>12} {:>8} {:>11} {:>9}".format(*_COLUMNS)


def play(product: str, zone_name: str, days: Sequence[int], step: timedelta, seed: int = 1) -> Played:
    """Evaluate selected days of the 400, one step apart."""
    zone, hours = ZoneInfo(zone_name), PRODUCTS[product]
    draw = random.Random(f"{product} {zone_name} {seed}")
    stops = {day: stop for day in STOPS if (stop := _stop(day, zone, hours, draw))}
    calls = _generate_calls(zone, hours, stops, draw)
    played = Played(product, zone_name)
    for day in days:
        _play_day(played, day, zone, hours, calls, stops, step)
    return played


def _play_day(
    played: Played,
    day: int,
    zone: ZoneInfo,
    hours: Mapping[int, tuple[int, int, float]],
    calls: Sequence[datetime],
    stops: Mapping[int, tuple[datetime, datetime]],
    step: timedelta,
) -> None:
    first = _compute_local(day, 0, zone)
    stop = stops.get(day)
    alarmed_at: datetime | None = None
    was_alarming = False
    for now in _list_moments(first, _compute_local(day + 1, 0, zone), step):
        value, is_unknown = judge(calls, now, zone)
        played.evaluations += 1
        if is_unknown and _could_compare(calls, now, zone, day):
            played.blind_minutes += round(step.total_seconds() / 60)
            played.first_blind_at = played.first_blind_at or now
        is_alarming = _ALARM.holds(value)
        if is_alarming and stop and stop[0] <= now <= stop[1]:
            alarmed_at = alarmed_at or now
        is_explained = day in CLOSED or _is_stopped(now, stops, day) or _is_before_reopening(now, day, zone, hours)
        if is_alarming and not is_explained and not was_alarming:
            played.false_alarms.append(now)
        was_alarming = is_alarming
    if stop:
        played.stops += 1
        if alarmed_at is None:
            played.missed.append(stop[0])
        else:
            played.slowest_min = max(played.slowest_min, (alarmed_at - stop[0]).total_seconds() / 60)


def judge(calls: Sequence[datetime], now: datetime, zone: ZoneInfo) -> tuple[float | None, bool]:
    """Return the ratio that the monitor computes at a time, and whether it is unknown; counts come from a list, not SQL."""
    measured = Measured(now, str(zone))
    known = bisect_right(calls, now)
    measured.values = {"freshness.first_at": calls[0].timestamp(), "freshness.last_at": calls[known - 1].timestamp()}
    measured.rows[DAYS] = [
        {"count": min(COUNTED_OF_DAY, bisect_left(calls, end, 0, known) - bisect_left(calls, start, 0, known))}
        for _day, start, end in list_local_days(now, zone)
    ]
    for name, windows in list_windows(measured).items():
        measured.rows[name] = [
            {"count": sum(bisect_right(calls, until, 0, known) - bisect_right(calls, since, 0, known) for since, until in window)}
            for window in windows
        ]
    (sample,) = list_freshness_samples({"table": "calls", "at": "created_at"}, measured)
    return sample.value, sample.value is None and sample.reason == NOT_COMPARABLE


def _generate_calls(
    zone: ZoneInfo,
    hours: Mapping[int, tuple[int, int, float]],
    stops: Mapping[int, tuple[datetime, datetime]],
    draw: random.Random,
) -> list[datetime]:
    """Generate two old stray calls, then days of random calls, and one test call in the middle of the closure."""
    found = [_compute_local(-200, 12, zone), _compute_local(-10, 12, zone), _compute_local(CLOSED[7], 12, zone)]
    for day in range(DAYS_PLAYED):
        first, last, share = hours.get(_compute_date(day).weekday(), (0, 0, 0.0))
        at, until = (
            _compute_local(day, first, zone),
            _compute_local(day, last, zone) if last < 24 else _compute_local(day + 1, 0, zone),
        )
        while day not in CLOSED and last:
            busy = 1.0 if 7 <= at.astimezone(zone).hour < 22 else 0.4
            at += timedelta(seconds=draw.expovariate(_CALLS_PER_HOUR * share * busy / 3600))
            if at >= until:
                break
            if not (day in stops and stops[day][0] <= at <= stops[day][1]):
                found.append(at)
    return sorted(found)


def _stop(
    day: int, zone: ZoneInfo, hours: Mapping[int, tuple[int, int, float]], draw: random.Random
) -> tuple[datetime, datetime] | None:
    """Return four working hours without a call; None on days off."""
    first, last, _share = hours.get(_compute_date(day).weekday(), (0, 0, 0.0))
    if not last:
        return None
    begins = _compute_local(day, first, zone) + timedelta(minutes=draw.randint(60, max(61, (last - first) * 60 - 270)))
    return begins, begins + STOP_LENGTH


def _is_stopped(now: datetime, stops: Mapping[int, tuple[datetime, datetime]], day: int) -> bool:
    spans = (stops[each] for each in (day - 1, day) if each in stops)
    return any(begins <= now <= ends + _ECHO for begins, ends in spans)


def _is_before_reopening(now: datetime, day: int, zone: ZoneInfo, hours: Mapping[int, tuple[int, int, float]]) -> bool:
    """Return whether the closure is not over yet, by working hours and by what a one-hour window still contains."""
    after = next(each for each in range(CLOSED[-1] + 1, CLOSED[-1] + 4) if _compute_date(each).weekday() in hours)
    opens = _compute_local(after, hours[_compute_date(after).weekday()][0], zone)
    return CLOSED[0] <= day <= after and now < opens + _ECHO


def _could_compare(calls: Sequence[datetime], now: datetime, zone: ZoneInfo, day: int) -> bool:
    """Return whether a comparable earlier day within four weeks was a working day."""
    local = now.astimezone(zone)
    earlier = [each for each in range(max(0, day - 28), day) if each not in CLOSED]
    return any(
        classify_day(datetime.combine(_compute_date(each), time())) == classify_day(local)
        and bisect_right(calls, _compute_local(each + 1, 0, zone)) - bisect_right(calls, _compute_local(each, 0, zone)) > 20
        for each in earlier
    )


def _list_moments(since: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    while since < until:
        yield since
        since += step


def _compute_date(day: int) -> date:
    return BEGINS + timedelta(days=day)


def _compute_local(day: int, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(_compute_date(day), time(hour), zone).astimezone(UTC)


def main() -> None:
    """Print the table of all products and time zones."""
    print(HEADER)
    for product in PRODUCTS:
        for zone in ZONES:
            print(play(product, zone, range(1, DAYS_PLAYED), timedelta(minutes=20)).render_row())
            sys.stdout.flush()


if __name__ == "__main__":
    main()
