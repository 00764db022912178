"""The statements behind freshness: first and last item, items by day, and how many items windows of time hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.sql import SQL, Identifier

from callwatch.models.reason import Reason
from callwatch.pipeline.comparable import COUNTED_OF_DAY, Window, list_local_days
from callwatch.pipeline.queries.described import Freshness
from callwatch.pipeline.queries.filter_dsl import TIME
from callwatch.pipeline.queries.odd_rows import count_odd_rows
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Aggregate, Reading
from callwatch.pipeline.queries.stage import Rows
from callwatch.pipeline.queries.statements import Literal, name_column
from callwatch.pipeline.queries.time_bounds import compose_newer_than, is_readable

LAST_HOUR = "freshness.last_hour"
LONG_SILENCE = "freshness.long_silence"
DAYS = "freshness.days"
ODD = "freshness.odd"
_COUNTED_OF_ALL = 1000
NO_ITEM_YET = Reason("none", "there is no call yet")
# The smallest time difference that PostgreSQL represents.
_INSTANT = timedelta(microseconds=1)
Windows = Mapping[str, Sequence[Window]]


def build_first_readings(given: Freshness) -> list[Reading]:
    """When the first and the last item arrived, and on which days: read before it is known what to compare."""
    table, at = given["table"], given["at"]
    column, source = name_column(at), Identifier(table)
    template = """
        SELECT (SELECT extract(epoch FROM min({at}))::float FROM {table} r WHERE {is_readable}) AS first_at,
               (SELECT extract(epoch FROM max({at}))::float FROM {table} r WHERE {is_readable}) AS last_at
    """
    sql = SQL(template).format(at=column, table=source, is_readable=is_readable(column))
    needs = {table: {at: TIME}}
    odd = count_odd_rows(ODD, Rows(table, at=(at,)), (at,))
    first = Reading("freshness", needs, sql, empty=NO_ITEM_YET, empty_doubts=(ODD,))
    return [first, count_last_hour(given), *([odd] if odd else [])]


def count_last_hour(given: Freshness) -> Reading:
    """How many items arrived in the last hour."""
    table, at = given["table"], given["at"]
    counted = Aggregate(table, SQL("count(*){filter}::float"), compose_newer_than(name_column(at), 3600))
    return Reading(LAST_HOUR, {table: {at: TIME}}, counted.select(), counted=counted)


def build_days_reading(given: Freshness, now: datetime, zone: ZoneInfo, is_scanned: bool) -> Reading:
    """How many items the days before today hold, up to the number that marks an active day; in one scan if no index serves."""
    table, at = given["table"], given["at"]
    days = list_local_days(now, zone)
    parts = {"table": Identifier(table), "at": name_column(at)}
    if is_scanned:
        template = """
            SELECT place, coalesce(found.count, 0)::int AS count FROM generate_series(1, {days}) AS place LEFT JOIN (
                SELECT width_bucket({at}::timestamptz, %(bounds)s::timestamptz[]) AS bucket, count(*) AS count
                FROM {table} r WHERE {at} >= %(first)s::timestamptz AND {at} < %(last)s::timestamptz GROUP BY bucket
            ) AS found ON found.bucket = {days} + 1 - place ORDER BY place
        """
        sql = SQL(template).format(days=Literal(len(days)), **parts)
        bounds = [start for _day, start, _end in reversed(days)] + [days[0][2]]
        return Reading(DAYS, {table: {at: TIME}}, sql, is_table=True, params=_name_bounds(bounds))
    template = """
        SELECT (SELECT count(*) FROM (SELECT FROM {table} r WHERE {at} >= d.since AND {at} < d.until LIMIT {limit}) AS items)::int
               AS count
        FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) WITH ORDINALITY AS d (since, until, place)
        ORDER BY d.place
    """
    sql = SQL(template).format(limit=Literal(COUNTED_OF_DAY), **parts)
    params = {"since": [start for _day, start, _end in days], "until": [end for _day, _start, end in days]}
    return Reading(DAYS, {table: {at: TIME}}, sql, is_table=True, params=params)


def _name_bounds(bounds: Sequence[datetime]) -> dict[str, Any]:
    return {"bounds": bounds, "first": bounds[0], "last": bounds[-1]}


def build_window_readings(given: Freshness, windows: Windows) -> list[Reading]:
    """How many items the windows hold, each counted by itself: a few pages of an index."""
    return [_count_windows(name, given, found) for name, found in windows.items()]


def _count_windows(name: str, given: Freshness, windows: Sequence[Window]) -> Reading:
    table, at = given["table"], given["at"]
    rows = SQL("FROM {table} r WHERE {at} > w.since AND {at} <= w.until").format(table=Identifier(table), at=name_column(at))
    if name == LONG_SILENCE:
        rows = SQL("FROM (SELECT {} LIMIT {}) AS items").format(rows, Literal(_COUNTED_OF_ALL))
    template = """
        SELECT sum((SELECT count(*) {rows}))::int AS count
        FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(place)s::int[]) AS w (since, until, place)
        GROUP BY w.place ORDER BY w.place
    """
    sql = SQL(template).format(rows=rows)
    pieces = [(since, until, place) for place, window in enumerate(windows) for since, until in window]
    params = {key: [piece[index] for piece in pieces] for index, key in enumerate(("since", "until", "place"))}
    return Reading(name, {table: {at: TIME}}, sql, is_table=True, params=params)


def scan_reading(given: Freshness, windows: Windows) -> Reading:
    """The same without an index, in one scan: how many items lie between consecutive bounds of windows."""
    table, at = given["table"], given["at"]
    template = """
        SELECT width_bucket({at}::timestamptz, %(bounds)s::timestamptz[]) AS place, count(*)::int AS count
        FROM {table} r WHERE {at} >= %(first)s::timestamptz AND {at} < %(last)s::timestamptz GROUP BY place
    """
    sql = SQL(template).format(table=Identifier(table), at=name_column(at))
    return Reading("freshness.scan", {table: {at: TIME}}, sql, is_table=True, params=_name_bounds(_list_bounds(windows)))


def take_scan(measured: Measured, windows: Windows) -> None:
    """Store the counts of a scan where the counts of the windows are looked up."""
    if "freshness.scan" in measured.unknown:
        measured.unknown |= dict.fromkeys(windows, measured.unknown["freshness.scan"])
        return
    bounds = _list_bounds(windows)
    counts = {row["place"]: row["count"] for row in measured.rows.pop("freshness.scan")}
    places = {bound: place for place, bound in enumerate(bounds)}
    for name, found in windows.items():
        sums = []
        for window in found:
            ranges = [range(places[since + _INSTANT], places[until + _INSTANT]) for since, until in window]
            sums.append(sum(counts.get(place + 1, 0) for pieces in ranges for place in pieces))
        measured.rows[name] = [{"count": total} for total in sums]


def _list_bounds(windows: Windows) -> list[datetime]:
    """A window holds items after its start and up to its end; PostgreSQL's buckets include their start instead."""
    pieces = [piece for found in windows.values() for window in found for piece in window]
    return sorted({bound + _INSTANT for piece in pieces for bound in piece})
