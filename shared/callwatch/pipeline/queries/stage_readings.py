"""Compiles a stage to the statements that read it, each with the columns it needs."""

from collections.abc import Callable, Iterator
from functools import partial

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import NO_TRAFFIC, Reason
from callwatch.pipeline.queries.filter_dsl import KEY, TIME, list_needs, merge, render_sql
from callwatch.pipeline.queries.odd_rows import count_odd_rows, list_aged_columns
from callwatch.pipeline.queries.reading import Aggregate, Census, Reading
from callwatch.pipeline.queries.spellings import name_spelling_doubts
from callwatch.pipeline.queries.stage import COUNTED, Duration, Rows, Stage, Unfinished
from callwatch.pipeline.queries.statements import KeysEqual, Literal, PrimaryKey, coalesce, name_column
from callwatch.pipeline.queries.states import count_unlisted
from callwatch.pipeline.queries.time_bounds import (
    MAX_CLOCK_SKEW_S,
    compose_ago,
    compose_ahead,
    compose_newer_than,
    compose_older_than,
    is_early,
    is_readable,
)
from callwatch.pipeline.queries.undated import list_open_kinds, list_undated_counts

NOTHING_DUE = Reason("none", "nothing is due")
# The condition on a time, given as SQL.
Window = Callable[[Composable], Composable]
_NOTHING_PENDING = Reason("none", "nothing pending")
_NOTHING_COMPLETED = Reason("no_traffic", "nothing was completed in the window")
HOUR_S, DAY_S, RECENT_S = 3600, 86_400, 600
# The share of open items above which a span of time counts as one in which a stage was down.
_OPEN_WEIGHT = 0.3
# Where the outage began: counted back from the newest item, the time up to which open items outweigh finished ones most. An
# item that failed for good long before is not part of it.
_UNFINISHED = """
    SELECT (SELECT count(*) FROM {table} r WHERE {window})::float AS items,
           (SELECT count(*) FROM {table} r WHERE {window} AND {is_open})::float AS open,
           (SELECT count(*) FROM (SELECT {columns} FROM {table} r WHERE {window} ORDER BY {at} DESC LIMIT 3) r
            WHERE {is_open})::float AS newest_open,
           coalesce((
                SELECT extract(epoch FROM at) FROM (
                    SELECT at, is_open, sum(weight) OVER (ORDER BY at DESC) AS excess FROM (
                        SELECT {at} AS at, false AS is_open, -{weight} AS weight FROM {table} r WHERE {window}
                        UNION ALL SELECT {at}, true, 1.0 FROM {table} r WHERE {window} AND {is_open}
                    ) AS items
                ) AS weighed WHERE is_open ORDER BY excess DESC, at LIMIT 1), 0)::float AS since
"""
_COUNT = SQL("count(*){filter}::float")
# The earliest time of rows, in seconds since 1970.
_EARLIEST = SQL("extract(epoch FROM min({at}){filter})::float")
_MIDNIGHT = SQL("date_trunc('day', %(now)s::timestamptz AT TIME ZONE %(timezone)s) AT TIME ZONE %(timezone)s")
# Counting a larger table exactly would cost the product more than the figure is worth.
COUNTED_EXACTLY = 100_000


def list_readings(stage: Stage) -> Iterator[Reading]:
    """Every statement of a stage: the censuses of its odd rows, and its figures."""
    yield from _list_censuses(stage)
    yield count_unlisted(stage)
    yield from list_undated_counts(stage)
    for figure in COUNTED:
        yield _count_kind(stage, figure)
    yield from _count_done(stage)
    for figure in ("failed", "dead"):
        for suffix, window_s in (("", DAY_S), ("_last_hour", HOUR_S)):
            rows = stage.rows[figure]
            yield _read(f"{stage.name}.{figure}{suffix}", rows, _COUNT, _select_window(window_s, rows))
    due, odd_due = stage.rows["due"], (f"{stage.name}.odd_due",)
    yield _read(f"{stage.name}.due", due, _COUNT, partial(compose_older_than, seconds=RECENT_S), doubts=odd_due)
    is_due = partial(compose_older_than, seconds=0)
    yield _read(f"{stage.name}.due_since", due, _EARLIEST, is_due, NOTHING_DUE, doubts=odd_due)
    yield _find_oldest_pending(stage)
    yield _count_total(stage)
    for suffix, window_s in (("", HOUR_S), ("_24h", DAY_S)):
        yield _measure_durations(f"{stage.name}.duration{suffix}", stage.duration, window_s)
    if stage.unfinished:
        yield _count_unfinished(stage, stage.unfinished)


def _list_censuses(stage: Stage) -> Iterator[Reading]:
    """The odd rows of each kind that is evaluated by a time."""
    kinds = {figure: (stage.rows[figure], list_aged_columns(stage.rows[figure].where)) for figure in COUNTED}
    kinds |= list_open_kinds(stage)
    found = [count_odd_rows(f"{stage.name}.odd_{kind}", rows, times, True) for kind, (rows, times) in kinds.items()]
    if stage.unfinished:
        begun = Rows(stage.table, at=(stage.unfinished.at,))
        found.append(count_odd_rows(f"{stage.name}.odd_unfinished", begun, begun.at))
    yield from (reading for reading in found if reading)
    ended = (
        count_odd_rows(f"{stage.name}.odd_{kind}", stage.rows[kind], stage.rows[kind].at) for kind in ("done", "failed", "dead")
    )
    # Failed and dead rows may be the same.
    yield from {repr(reading.sql): reading for reading in ended if reading}.values()


def _count_kind(stage: Stage, figure: str) -> Reading:
    doubts = (f"{stage.name}.odd_{figure}",) if list_aged_columns(stage.rows[figure].where) else ()
    return _read(f"{stage.name}.{figure}", stage.rows[figure], _COUNT, doubts=doubts)


def _find_oldest_pending(stage: Stage) -> Reading:
    """Since when the longest waiting item has waited; unknown while one of unknown age waits."""
    at = (stage.waiting_since,)
    name, doubts = f"{stage.name}.oldest_pending", (f"{stage.name}.odd_waiting",)
    return _read(name, stage.rows["pending"], _EARLIEST, is_readable, _NOTHING_PENDING, at, doubts)


def _count_done(stage: Stage) -> Iterator[Reading]:
    done = stage.rows["done"]
    windows = (("completed", DAY_S), ("completed_last_hour", HOUR_S), ("completed_10m", RECENT_S))
    for figure, window_s in windows:
        yield _read(f"{stage.name}.{figure}", done, _COUNT, _select_window(window_s, done))
    yield _read(f"{stage.name}.completed_today", done, _COUNT, partial(_is_today, limit_s=_find_limit(done)))


def _is_today(at: Composable, limit_s: float) -> Composable:
    return SQL("{at} >= {midnight} AND {at} <= {limit}").format(at=at, midnight=_MIDNIGHT, limit=compose_ahead(limit_s))


def _select_window(window_s: float, rows: Rows) -> Window:
    return partial(compose_newer_than, seconds=window_s, ahead_s=_find_limit(rows))


def _find_limit(rows: Rows) -> float:
    return MAX_CLOCK_SKEW_S if rows.ahead_s is None else rows.ahead_s


def _read(
    figure: str,
    rows: Rows,
    template: SQL,
    window: Window | None = None,
    empty: Reason = NO_TRAFFIC,
    at: tuple[str, ...] = (),
    doubts: tuple[str, ...] = (),
) -> Reading:
    """One aggregate over rows. template: its SQL, in which {at} stands for the time of a row and {filter} for a FILTER clause.

    window: the condition on the time of a row.
    """
    if rows.none:
        return Reading(figure, none=rows.none)
    times = at or rows.at
    needs = list_needs(rows.table, rows.where)
    conditions = [render_sql(rows.where, rows.table)]
    parts: dict[str, Composable] = {}
    if times and (window or template is _EARLIEST):
        merge(needs, {rows.table: dict.fromkeys(times, TIME)})
        parts["at"] = coalesce(times)
        conditions += [window(parts["at"])] if window else []
    aggregate = Aggregate(rows.table, template, SQL(" AND ").join(conditions), parts)
    is_plain = not any(clause.reads_other_table for clause in rows.where)
    otherwise = _read(figure, rows.otherwise, template, window, empty, at, doubts) if rows.otherwise else None
    shared = aggregate if is_plain else None
    spellings = name_spelling_doubts(rows.table, rows.where)
    return Reading(
        figure,
        needs,
        aggregate.select(),
        empty=empty,
        otherwise=otherwise,
        aggregate=shared,
        counted=aggregate,
        doubts=(*doubts, *spellings),
        empty_doubts=spellings,
    )


def _count_total(stage: Stage) -> Reading:
    """Every row, exactly up to a limit; above it PostgreSQL's own estimate for the table."""
    template = """
        SELECT CASE WHEN n <= {limit} THEN n ELSE greatest(n, (
            SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass({quoted}))) END::float AS value
        FROM (SELECT count(*) AS n FROM (SELECT FROM {table} LIMIT {limit} + 1) AS first_rows) AS counted
    """
    quoted, limit = Literal(f'"{stage.table}"'), Literal(COUNTED_EXACTLY)
    sql = SQL(template).format(table=Identifier(stage.table), quoted=quoted, limit=limit)
    return Reading(f"{stage.name}.total", {stage.table: {}}, sql)


def _measure_durations(figure: str, given: Duration, window_s: float) -> Reading:
    needs = list_needs(given.table, given.where)
    merge(needs, {given.table: {given.end: TIME}})
    if given.joined:
        own, odd_table, column = given.joined
        alias = "o"
        equal = KeysEqual(odd_table, column, alias, given.table, own, "r")
        source = SQL("{} r JOIN {} o ON {}").format(Identifier(given.table), Identifier(odd_table), equal)
        merge(needs, {given.table: {own: KEY}, odd_table: {column: KEY, given.start: TIME}})
    else:
        odd_table, alias = given.table, "r"
        source = SQL("{} r").format(Identifier(given.table))
        merge(needs, {given.table: {given.start: TIME}})
    start, end = name_column(given.start, alias), name_column(given.end)
    # A row with an impossible time, or that ended before it began, makes the whole unknown: the arithmetic is done only without
    # one.
    skewed = SQL("({early} OR {start} > {end} + make_interval(secs => {skew}))")
    is_odd = skewed.format(early=is_early(start), start=start, end=end, skew=Literal(MAX_CLOCK_SKEW_S))
    template = """
        SELECT avg({took})::float AS mean, percentile_cont(0.5) WITHIN GROUP (ORDER BY {took})::float AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY {took})::float AS p95,
               json_build_array(count(*) FILTER (WHERE {is_odd}), 0, 0, min({key}) FILTER (WHERE {is_odd})) AS odd
        FROM {source} WHERE {condition}
    """
    took = SQL("CASE WHEN NOT {is_odd} THEN greatest(0, extract(epoch FROM {end} - {start})) END")
    sql = SQL(template).format(
        took=took.format(is_odd=is_odd, end=end, start=start),
        is_odd=is_odd,
        key=PrimaryKey(odd_table, alias),
        source=source,
        condition=SQL(" AND ").join([render_sql(given.where, given.table), compose_newer_than(end, window_s)]),
    )
    census = Census(odd_table, given.start)
    spellings = name_spelling_doubts(given.table, given.where)
    return Reading(
        figure,
        needs,
        sql,
        empty=_NOTHING_COMPLETED,
        census=census,
        doubts=(figure, *spellings),
        empty_doubts=spellings,
    )


def _count_unfinished(stage: Stage, given: Unfinished) -> Reading:
    """Of the items that should be done by now: how many there are and how many are open, for all and for the newest three."""
    return _build_unfinished(stage, given, stage.rows["pending"])


def _build_unfinished(stage: Stage, given: Unfinished, rows: Rows) -> Reading:
    name = f"{stage.name}.unfinished"
    needs = merge(list_needs(rows.table, rows.where), {rows.table: {given.at: TIME}})
    at = name_column(given.at)
    window = SQL("{at} > {start} AND {at} < {end}").format(
        at=at, start=compose_ago(given.within_s), end=compose_ago(given.older_than_s)
    )
    sql = SQL(_UNFINISHED).format(
        at=at,
        table=Identifier(rows.table),
        columns=SQL(", ").join(name_column(column) for column in sorted(needs[rows.table])),
        window=window,
        is_open=render_sql(rows.where, rows.table),
        weight=Literal(_OPEN_WEIGHT),
    )
    otherwise = _build_unfinished(stage, given, rows.otherwise) if rows.otherwise else None
    return Reading(name, needs, sql, otherwise=otherwise)
