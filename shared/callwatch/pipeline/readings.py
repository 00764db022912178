"""A stage compiled to the statements that read it, each with the columns it needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch.pipeline.clauses import ANY, TIME, Needs, ago, joined, merge, needs_of, sql_of
from callwatch.pipeline.stage import COUNTED, Duration, Rows, Stage, Unfinished

NOTHING_DUE = "nothing is due"
HOUR_S, DAY_S, RECENT_S = 3600, 86_400, 600
# The share of open items above which a stretch of time counts as one in which a stage was down.
_OPEN_WEIGHT = 0.3
# Counting a larger table exactly would cost the product more than the figure is worth.
COUNTED_EXACTLY = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One statement: figures are the columns of its one row, named `name`.column; `value` stands for the name itself.

    is_table: its rows are wanted as they are. empty: what a NULL means. otherwise: what stands in where a column
    that it needs is missing. none: why there is nothing to read. parts: the readings that it takes in one scan.
    """

    name: str
    needs: Needs = field(default_factory=dict)
    sql: str = ""
    is_table: bool = False
    empty: str = "no traffic in the window"
    otherwise: "Reading | None" = None
    none: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    aggregate: "Aggregate | None" = None
    parts: "tuple[Reading, ...]" = ()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A reading that is one aggregate over rows of one table, in which {filter} stands for a FILTER clause."""

    table: str
    select: str
    condition: str


def in_one_scan(readings: Iterable[Reading], tables: Collection[str]) -> list[Reading]:
    """The same readings, those that would each scan one of these tables as a single one: a scan is paid once."""
    together: dict[str, list[Reading]] = {}
    found = []
    for reading in readings:
        if reading.aggregate and reading.aggregate.table in tables:
            together.setdefault(reading.aggregate.table, []).append(reading)
        else:
            found.append(reading)
    return [_scan(table, parts) for table, parts in together.items()] + found


def _scan(table: str, parts: list[Reading]) -> Reading:
    given = [part.aggregate for part in parts if part.aggregate]
    columns = ", ".join(
        f"{one.select.format(filter=f' FILTER (WHERE {one.condition})')} AS part_{number}" for number, one in enumerate(given)
    )
    needs = merge({}, *(part.needs for part in parts))
    return Reading(f"scan.{table}", needs, f'SELECT {columns} FROM "{table}" r', parts=tuple(parts))


def readings_of(stage: Stage) -> Iterator[Reading]:
    """Every statement of a stage."""
    for figure in COUNTED:
        yield counted(f"{stage.name}.{figure}", stage.rows[figure])
    yield from _done(stage)
    for figure in ("failed", "dead"):
        for suffix, window_s in (("", DAY_S), ("_last_hour", HOUR_S)):
            yield counted(f"{stage.name}.{figure}{suffix}", stage.rows[figure], _since(window_s))
    yield counted(f"{stage.name}.due", stage.rows["due"], _before(RECENT_S))
    yield _oldest(f"{stage.name}.due_since", stage.rows["due"], NOTHING_DUE, _before(0))
    pending = stage.rows["pending"]
    yield _oldest(f"{stage.name}.oldest_pending", pending, "nothing pending", at=stage.waiting_since)
    yield _total(stage)
    for suffix, window_s in (("", HOUR_S), ("_24h", DAY_S)):
        yield _durations(f"{stage.name}.duration{suffix}", stage.duration, window_s)
    if stage.unfinished:
        yield _unfinished(stage, stage.unfinished)


def _done(stage: Stage) -> Iterator[Reading]:
    done = stage.rows["done"]
    windows = (("completed", DAY_S), ("completed_last_hour", HOUR_S), ("completed_10m", RECENT_S))
    for figure, window_s in windows:
        yield counted(f"{stage.name}.{figure}", done, _since(window_s))
    today = "{at} >= date_trunc('day', %(now)s::timestamptz AT TIME ZONE %(timezone)s) AT TIME ZONE %(timezone)s"
    yield counted(f"{stage.name}.completed_today", done, today)


def _since(window_s: float) -> str:
    return f"{{at}} > {ago(window_s)}"


def _before(seconds: float) -> str:
    return f"{{at}} < {ago(seconds)}"


def counted(figure: str, rows: Rows, window: str = "") -> Reading:
    """How many rows there are; `window` is SQL in which {at} stands for their time."""
    return _read(figure, rows, "count(*){filter}::float", window)


def _oldest(figure: str, rows: Rows, empty: str, window: str = "", at: str = "") -> Reading:
    """The earliest time of rows, in seconds since 1970."""
    return _read(figure, rows, "extract(epoch FROM min({at}){filter})::float", window, empty, at)


def _read(figure: str, rows: Rows, select: str, window: str, empty: str = "", at: str = "") -> Reading:
    if rows.none:
        return Reading(figure, none=rows.none)
    times = (at,) if at else rows.at
    needs = needs_of(rows.table, rows.where)
    condition = sql_of(rows.where, rows.table)
    moment = time_of(times)
    if times and (window or "{at}" in select):
        merge(needs, {rows.table: dict.fromkeys(times, TIME)})
        condition += f" AND {window.format(at=moment)}" if window else ""
    sql = f'SELECT {select.format(at=moment, filter="")} AS value FROM "{rows.table}" r WHERE {condition}'
    is_plain = not any(clause.operator in ("has", "has no") for clause in rows.where)
    aggregate = Aggregate(rows.table, select.replace("{at}", moment), condition) if is_plain else None
    otherwise = _read(figure, rows.otherwise, select, window, empty, at) if rows.otherwise else None
    return Reading(figure, needs, sql, empty=empty or "no traffic in the window", otherwise=otherwise, aggregate=aggregate)


def time_of(columns: tuple[str, ...], alias: str = "r") -> str:
    """The first of these times that is not NULL, as SQL."""
    quoted = [f'{alias}."{column}"' for column in columns]
    return quoted[0] if len(quoted) == 1 else f"coalesce({', '.join(quoted)})" if quoted else ""


def _total(stage: Stage) -> Reading:
    """Every row, exactly up to a limit; above it PostgreSQL's own count of the table."""
    sql = f"""
        SELECT CASE WHEN n <= {COUNTED_EXACTLY} THEN n ELSE greatest(n, (
            SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('"{stage.table}"'))) END::float AS value
        FROM (SELECT count(*) AS n FROM (SELECT FROM "{stage.table}" LIMIT {COUNTED_EXACTLY + 1}) AS first_rows) AS counted
    """
    return Reading(f"{stage.name}.total", {stage.table: {}}, sql)


def _durations(figure: str, given: Duration, window_s: float) -> Reading:
    needs = needs_of(given.table, given.where)
    merge(needs, {given.table: {given.end: TIME}})
    source, start = f'"{given.table}" r', f'r."{given.start}"'
    if given.joined:
        own, other, column = given.joined
        source += f' JOIN "{other}" o ON {joined(other, column, "o", given.table, own, "r")}'
        start = f'o."{given.start}"'
        merge(needs, {given.table: {own: ANY}, other: {column: ANY, given.start: TIME}})
    else:
        merge(needs, {given.table: {given.start: TIME}})
    took = f'extract(epoch FROM r."{given.end}" - {start})'
    sql = f"""
        SELECT avg({took})::float AS mean, percentile_cont(0.5) WITHIN GROUP (ORDER BY {took})::float AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY {took})::float AS p95
        FROM {source} WHERE {sql_of(given.where, given.table)} AND r."{given.end}" > {ago(window_s)}
    """
    return Reading(figure, needs, sql, empty="nothing was completed in the window")


def _unfinished(stage: Stage, given: Unfinished) -> Reading:
    """Of the items that should be done by now: how many there are, how many are open, and of the newest three too."""
    return _unfinished_of(stage, given, stage.rows["pending"])


def _unfinished_of(stage: Stage, given: Unfinished, rows: Rows) -> Reading:
    name = f"{stage.name}.unfinished"
    needs = merge(needs_of(rows.table, rows.where), {rows.table: {given.at: TIME}})
    columns = ", ".join(f'r."{column}"' for column in sorted(needs[rows.table]))
    window = f'r."{given.at}" > {ago(given.within_s)} AND r."{given.at}" < {ago(given.older_than_s)}'
    newest = f'SELECT {columns} FROM "{rows.table}" r WHERE {window} ORDER BY r."{given.at}" DESC LIMIT 3'
    is_open = sql_of(rows.where, rows.table)
    # Where it began: counted back from the newest, the time up to which open items outweigh finished ones most. One that
    # failed for good long before is not part of it.
    items = f'SELECT r."{given.at}" AS at, false AS is_open, -{_OPEN_WEIGHT} AS weight FROM "{rows.table}" r WHERE {window}'
    opens = f'SELECT r."{given.at}", true, 1.0 FROM "{rows.table}" r WHERE {window} AND {is_open}'
    since = f"""SELECT extract(epoch FROM at) FROM (
                    SELECT at, is_open, sum(weight) OVER (ORDER BY at DESC) AS excess FROM ({items} UNION ALL {opens}) AS items
                ) AS weighed WHERE is_open ORDER BY excess DESC, at LIMIT 1"""
    sql = f"""
        SELECT (SELECT count(*) FROM "{rows.table}" r WHERE {window})::float AS items,
               (SELECT count(*) FROM "{rows.table}" r WHERE {window} AND {is_open})::float AS open,
               (SELECT count(*) FROM ({newest}) r WHERE {is_open})::float AS newest_open,
               coalesce(({since}), 0)::float AS since
    """
    otherwise = _unfinished_of(stage, given, rows.otherwise) if rows.otherwise else None
    return Reading(name, needs, sql, otherwise=otherwise)
