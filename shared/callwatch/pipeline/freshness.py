"""Are items coming in: the last hour and the silence since the last item, against the same hours of earlier days."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import TIME, ago
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Reading

LAST_HOUR = "freshness.last_hour"
SILENCE = "freshness.silence"
LONG_SILENCE = "freshness.long_silence"
_DAYS_BACK, _DAYS_COMPARED = 28, 10
_WINDOWS_S = (3600, 1800, 900)
# A silence is compared up to this length: longer ones reach into other parts of the day.
_LONGEST_SILENCE = timedelta(hours=6)
# A small product has too few items in such a time to miss them. In two days a weekend cannot hide between days of work.
_LONGEST_OF_ALL = timedelta(hours=48)
_COUNTED_OF_ALL = 1000
NOT_COMPARABLE = "no earlier day of this kind to compare with"
# How many spreads below the median are still ordinary; few earlier days say less, and ask for more.
_SPREADS = 3.5
_FEW_DAYS = {1: 1.3, 2: 1.15}
_MEDIAN_ABSOLUTE_TO_DEVIATION = 1.4826
# The shortest time that PostgreSQL tells apart.
_INSTANT = timedelta(microseconds=1)

Window = tuple[datetime, datetime]
Windows = Mapping[str, Sequence[Window]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What earlier days let expect of a window, and how much less is still ordinary."""

    median: float
    lowest: float


def first_readings(given: Mapping[str, Any]) -> list[Reading]:
    """When the first and the last item came: read before it is known what to compare."""
    table, at = given["table"], given["at"]
    until_now = f'r."{at}" <= %(now)s::timestamptz'
    sql = f"""
        SELECT (SELECT extract(epoch FROM min(r."{at}"))::float FROM "{table}" r) AS first_at,
               (SELECT extract(epoch FROM max(r."{at}"))::float FROM "{table}" r WHERE {until_now}) AS last_at
    """
    needs = {table: {at: TIME}}
    count = f'SELECT count(*)::float AS value FROM "{table}" r WHERE r."{at}" > {ago(3600)} AND {until_now}'
    return [Reading("freshness", needs, sql, empty="there is none yet"), Reading(LAST_HOUR, needs, count)]


def windows_of(measured: Measured) -> Windows:
    """The windows that end now, each followed by the same clock times on earlier days; none without any item."""
    first_at, last_at = measured.time("freshness.first_at"), measured.time("freshness.last_at")
    if first_at is None or last_at is None:
        return {}
    now, zone = measured.at, ZoneInfo(measured.timezone)
    starts = {f"freshness.window_{seconds}": now - timedelta(seconds=seconds) for seconds in _WINDOWS_S}
    starts[SILENCE] = max(last_at, now - _LONGEST_SILENCE)
    if last_at < starts[SILENCE]:
        starts[LONG_SILENCE] = max(last_at, now - _LONGEST_OF_ALL)
    return {name: [(start, now), *earlier_windows(start, now, zone, first_at, last_at)] for name, start in starts.items()}


def window_readings(given: Mapping[str, Any], windows: Windows) -> list[Reading]:
    """How many items the windows hold, each looked up by itself: a few pages of an index."""
    return [_counts(name, given, pairs) for name, pairs in windows.items()]


def _counts(name: str, given: Mapping[str, Any], pairs: Sequence[Window]) -> Reading:
    table, at = given["table"], given["at"]
    rows = f'FROM "{table}" r WHERE r."{at}" > w.since AND r."{at}" <= w.until'
    counted = f"FROM (SELECT {rows} LIMIT {_COUNTED_OF_ALL}) AS items" if name == LONG_SILENCE else rows
    sql = f"""
        SELECT (SELECT count(*) {counted})::int AS count
        FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) WITH ORDINALITY AS w (since, until, place)
        ORDER BY w.place
    """
    params = {"since": [since for since, _ in pairs], "until": [until for _, until in pairs]}
    return Reading(name, {table: {at: TIME}}, sql, is_table=True, params=params)


def scan_reading(given: Mapping[str, Any], windows: Windows) -> Reading:
    """The same without an index, in one scan: how many items lie between one bound of a window and the next."""
    table, at = given["table"], given["at"]
    sql = f"""
        SELECT width_bucket(r."{at}"::timestamptz, %(bounds)s::timestamptz[]) AS place, count(*)::int AS count
        FROM "{table}" r WHERE r."{at}" >= %(first)s::timestamptz AND r."{at}" < %(last)s::timestamptz GROUP BY place
    """
    bounds = _bounds(windows)
    params = {"bounds": bounds, "first": bounds[0], "last": bounds[-1]}
    return Reading("freshness.scan", {table: {at: TIME}}, sql, is_table=True, params=params)


def take_scan(measured: Measured, windows: Windows) -> None:
    """Put the counts of a scan where those of the windows are looked for."""
    name = "freshness.scan"
    if name in measured.unknown:
        measured.unknown |= dict.fromkeys(windows, measured.unknown[name])
        return
    bounds = _bounds(windows)
    counts = {row["place"]: row["count"] for row in measured.rows.pop(name)}
    for window, pairs in windows.items():
        places = [(bounds.index(since + _INSTANT), bounds.index(until + _INSTANT)) for since, until in pairs]
        sums = [sum(counts.get(place + 1, 0) for place in range(first, last)) for first, last in places]
        measured.rows[window] = [{"count": total} for total in sums]


def _bounds(windows: Windows) -> list[datetime]:
    """A window holds what came after its start, up to its end: PostgreSQL's buckets hold their start instead."""
    return sorted({bound + _INSTANT for pairs in windows.values() for pair in pairs for bound in pair})


def earlier_windows(start: datetime, end: datetime, zone: ZoneInfo, first_at: datetime, last_at: datetime) -> list[Window]:
    """The same clock times on earlier days of the same kind, newest first.

    Days of work resemble each other, Saturdays and Sundays only themselves. Days before the first item are no
    history; those after the last one belong to the silence that is being judged.
    """
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    found = []
    for days in range(1, _DAYS_BACK + 1):
        # Wall-clock arithmetic: nine o'clock stays nine o'clock when the clocks change.
        since, until = local_start - timedelta(days=days), local_end - timedelta(days=days)
        is_alike = kind_of_day(since) == kind_of_day(local_start) and kind_of_day(until) == kind_of_day(local_end)
        pair = since.astimezone(UTC), until.astimezone(UTC)
        if is_alike and pair[0] >= first_at and pair[0] <= last_at and pair[0] < pair[1]:
            found.append(pair)
    return found[:_DAYS_COMPARED]


def kind_of_day(moment: datetime) -> int:
    """Which days are like this one: days of work are like each other, Saturdays and Sundays only like themselves."""
    return max(4, moment.weekday())


def expected(counts: Sequence[int]) -> Expected | None:
    """Median of earlier days, and the lowest count that is ordinary; None without such days."""
    if not counts:
        return None
    median = median_of(counts)
    deviation = _MEDIAN_ABSOLUTE_TO_DEVIATION * median_of([abs(count - median) for count in counts])
    spreads = _SPREADS * _FEW_DAYS.get(len(counts), 1.0)
    # Days that differ much among themselves would let even none pass; but none of them had less than its quietest one,
    # and what arrives by chance falls below that by a multiple of its root.
    least = min(counts)
    return Expected(median, max(median - spreads * max(deviation, math.sqrt(median)), least - spreads * math.sqrt(least)))


def median_of(values: Sequence[float]) -> float:
    """The middle of some values. They must not be empty."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def expected_per_hour(measured: Measured) -> float | None:
    """What the last hour lets expect; None where no earlier day can be compared."""
    found = _judged(measured, "freshness.window_3600")
    return found[1].median if found else None


def freshness_facts(given: Mapping[str, Any], measured: Measured) -> list[Fact]:
    """calls.missing_ratio: by how much the worst of the windows falls below what it lets expect."""
    if measured.get("freshness.first_at") is None:
        reason = measured.why("freshness.first_at")
        return [] if reason == "there is none yet" else [Fact("calls.missing_ratio", None, reason)]
    names = [f"freshness.window_{seconds}" for seconds in _WINDOWS_S] + [SILENCE, LONG_SILENCE]
    unread = next((name for name in names if name in measured.unknown), None)
    if unread:
        return [Fact("calls.missing_ratio", None, measured.unknown[unread])]
    if _is_closed(given, measured):
        return [Fact("calls.missing_ratio", 0.0, detail="outside of business hours")]
    if all(_judged(measured, name) is None for name in names):
        return [Fact("calls.missing_ratio", None, NOT_COMPARABLE)]
    worst, detail = 0.0, "as many as expected"
    for name in names:
        found = _judged(measured, name)
        if found is None or found[0] >= found[1].lowest:
            continue
        ratio = (found[1].median - found[0]) / found[1].median
        if ratio > worst:
            minutes = round((measured.at - _start_of(measured, name)).total_seconds() / 60)
            worst, detail = ratio, f"{found[0]} calls, {found[1].median:.0f} expected in {minutes} min"
    return [
        Fact("calls.missing_ratio", round(worst, 3), detail=detail, since=measured.time("freshness.last_at") if worst else None)
    ]


def _start_of(measured: Measured, name: str) -> datetime:
    longest = {SILENCE: _LONGEST_SILENCE, LONG_SILENCE: _LONGEST_OF_ALL}.get(name)
    if longest:
        return max(measured.time("freshness.last_at") or measured.at, measured.at - longest)
    return measured.at - timedelta(seconds=int(name.rpartition("_")[2]))


def _judged(measured: Measured, name: str) -> tuple[int, Expected] | None:
    counts = [row["count"] for row in measured.rows.get(name, [])]
    found = expected(counts[1:])
    return (counts[0], found) if found else None


def _is_closed(given: Mapping[str, Any], measured: Measured) -> bool:
    local = measured.at.astimezone(ZoneInfo(measured.timezone))
    hour = local.hour + local.minute / 60
    is_open = given.get("open_from", 0) <= hour < given.get("open_until", 24)
    return not is_open or f"{local:%A}".lower() in [day.lower() for day in given.get("closed_days", ())]
