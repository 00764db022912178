"""Reads what items used of which service: those of a day, and one alone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.costs.pricing import Usage
from callwatch.pipeline.costs.unpriced import NOT_DESCRIBED
from callwatch.pipeline.queries.described import Events, Source, UsageRows
from callwatch.pipeline.queries.filter_dsl import ANY, KEY, NUMBER, TEXT, TIME, list_needs, merge, render_sql
from callwatch.pipeline.queries.labels import make_readable
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.statements import TRUE, KeyAmong, KeysEqual, Literal, name_column
from callwatch.scrubbing.scrubber import scrub_text

# More usages of a day are not read at once: their sums are then unknown, and not too small.
MAX_ROWS = 100_000
_TOO_MANY = Reason("unavailable", f"more than {MAX_ROWS:,} rows a day are not summed")
NO_TENANT = ""


def compute_day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins and ends in a zone."""
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def read_usage_of_day(
    conn: AnyConnection, now: datetime, stages: StageFile, day: date, zone: ZoneInfo
) -> tuple[list[Usage], Reason | None]:
    """Every usage of a day, in the time zone in which days begin; and why some of it is unknown.

    Raises DatabaseUnavailable if the connection breaks.
    """
    since, until = compute_day_bounds(day, zone)
    window = SQL("{at} >= %(since)s::timestamptz AND {at} < %(until)s::timestamptz")
    return _read(conn, now, stages, window, TRUE, {"since": since, "until": until}, MAX_ROWS)


def read_usage_of_item(
    conn: AnyConnection, now: datetime, stages: StageFile, keys: tuple[str, ...]
) -> tuple[list[Usage], Reason | None]:
    """Every usage of the item with one of these keys; and why some of it is unknown."""
    return _read(conn, now, stages, SQL("{at} IS NOT NULL"), keys, {}, 100)


def _read(
    conn: AnyConnection,
    now: datetime,
    stages: StageFile,
    window: SQL,
    keys: tuple[str, ...] | Composable,
    params: Mapping[str, Any],
    limit: int,
) -> tuple[list[Usage], Reason | None]:
    given = stages.parts.get("costs")
    if given is None:
        return [], NOT_DESCRIBED
    measured = Measured(now)
    readings = [_compose(rows, number, stages, window, keys, params, limit) for number, rows in enumerate(given["usage"])]
    read(conn, readings, measured)
    found: list[Usage] = []
    unknown: Reason | None = None
    for number, rows in enumerate(given["usage"]):
        name = f"usage.{number}"
        known = measured.rows.get(name)
        if known is None:
            unknown = unknown or measured.explain_unknown(name)
        elif len(known) > limit:
            unknown = unknown or _TOO_MANY
        else:
            found += [_build(rows, row) for row in known]
    return found, unknown


def _build(rows: UsageRows, row: Mapping[str, Any]) -> Usage:
    quantities = {unit: _read_quantity(row[unit]) for unit in rows.units}
    model = _read_label(row["model"]) if row["model"] is not None else "unknown" if rows.model else rows.service
    return Usage(
        str(row["item"]),
        _read_label(row["tenant"]) if row["tenant"] else NO_TENANT,
        rows.service,
        model,
        quantities,
        row["seconds"],
    )


def _read_label(text: str) -> str:
    """A text of the product as a label, without private data."""
    return scrub_text(make_readable(text))


def _read_quantity(value: Any) -> Decimal | None:
    """A quantity; None for one that is missing or impossible."""
    try:
        quantity = Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
    return quantity if quantity is not None and quantity.is_finite() and 0 <= quantity < 10**15 else None


def _compose(
    rows: UsageRows,
    number: int,
    stages: StageFile,
    window: SQL,
    keys: tuple[str, ...] | Composable,
    params: Mapping[str, Any],
    limit: int,
) -> Reading:
    """The statement for one kind of usage; its substitutes leave out what is not needed, one after the other."""
    reading: Reading | None = None
    for tenant, model, units in reversed(list(_list_variants(rows, stages))):
        reading = _select(rows, number, window, keys, params, limit, (tenant, model, units, reading))
    assert reading is not None
    return reading


_Variant = tuple[Source | None, Source | None, Mapping[str, tuple[Source, ...]]]


def _list_variants(rows: UsageRows, stages: StageFile) -> Iterator[_Variant]:
    """What is read of each row: all, then without the tenant, and without each source of a quantity that has others."""
    items = stages.parts.get("items")
    tenant = Source(items["tenant"], items["table"], items["id"]) if items and "tenant" in items else None
    fewer = [
        {**rows.units, unit: tuple(source for source in sources if source != left_out)}
        for unit, sources in rows.units.items()
        if len(sources) > 1
        for left_out in sources
    ]
    for units in (rows.units, *fewer):
        yield tenant, rows.model, units
        if tenant:
            yield None, rows.model, units


def _select(
    rows: UsageRows,
    number: int,
    window: SQL,
    keys: tuple[str, ...] | Composable,
    params: Mapping[str, Any],
    limit: int,
    variant: tuple[Source | None, Source | None, Mapping[str, tuple[Source, ...]], Reading | None],
) -> Reading:
    tenant, model, units, otherwise = variant
    needs = merge(list_needs(rows.table, rows.where), {rows.table: {rows.item: KEY}})
    events = rows.at if isinstance(rows.at, Events) else None
    if events:
        source, at = _join_events(rows, events, window, keys, needs), Identifier("e", "at")
        condition = render_sql(rows.where, rows.table)
    else:
        assert isinstance(rows.at, str)
        at = name_column(rows.at)
        merge(needs, {rows.table: {rows.at: TIME}})
        source = SQL("{} r").format(Identifier(rows.table))
        is_wanted = KeyAmong(rows.table, rows.item, keys) if isinstance(keys, tuple) else keys
        condition = SQL(" AND ").join([render_sql(rows.where, rows.table), is_wanted, window.format(at=at)])
    columns = [SQL("{} AS {}").format(_find(rows, sources, needs, NUMBER), Identifier(unit)) for unit, sources in units.items()]
    template = """
        SELECT {item}::text AS item, left(({tenant})::text, 100) AS tenant, left(({model})::text, 100) AS model,
               extract(epoch FROM {at})::float AS seconds{columns}
        FROM {source} WHERE {condition} LIMIT {limit}
    """
    sql = SQL(template).format(
        item=name_column(rows.item),
        tenant=_find(rows, (tenant,), needs, ANY) if tenant else SQL("NULL"),
        model=_find(rows, (model,), needs, TEXT) if model else SQL("NULL"),
        at=at,
        columns=SQL("").join(SQL(", ") + column for column in columns),
        source=source,
        condition=condition,
        limit=Literal(limit + 1),
    )
    return Reading(f"usage.{number}", needs, sql, is_table=True, otherwise=otherwise, params=params)


def _join_events(
    rows: UsageRows, events: Events, window: SQL, keys: tuple[str, ...] | Composable, needs: dict[str, dict[str, str]]
) -> Composable:
    """The rows of items with an event in the window, at the time of its last one: the row is what that event left."""
    merge(needs, list_needs(events.table, events.where), {events.table: {events.item: KEY, events.at: TIME}})
    template = """
        (SELECT {item}, max({at}) AS at FROM {table} v WHERE {is_wanted} AND {window} AND {where} GROUP BY {item}) e
        JOIN {rows} r ON {equal}
    """
    at = name_column(events.at, "v")
    return SQL(template).format(
        item=name_column(events.item, "v"),
        at=at,
        table=Identifier(events.table),
        is_wanted=KeyAmong(events.table, events.item, keys, "v") if isinstance(keys, tuple) else keys,
        window=window.format(at=at),
        where=render_sql(events.where, events.table, "v"),
        rows=Identifier(rows.table),
        equal=KeysEqual(rows.table, rows.item, "r", events.table, events.item, "e"),
    )


def _find(rows: UsageRows, sources: Sequence[Source], needs: dict[str, dict[str, str]], family: str) -> Composable:
    """The first value that is not NULL, of the row itself or of other tables' rows of the same item."""
    found: list[Composable] = []
    for source in sources:
        if source.table is None or source.item is None:
            merge(needs, {rows.table: {source.column: family}})
            found.append(name_column(source.column))
            continue
        merge(needs, {source.table: {source.column: family, source.item: KEY}})
        equal = KeysEqual(source.table, source.item, "o", rows.table, rows.item, "r")
        template = SQL("(SELECT {column} FROM {table} o WHERE {equal} AND {column} IS NOT NULL LIMIT 1)")
        found.append(template.format(column=name_column(source.column, "o"), table=Identifier(source.table), equal=equal))
    return found[0] if len(found) == 1 else SQL("coalesce({})").format(SQL(", ").join(found))
