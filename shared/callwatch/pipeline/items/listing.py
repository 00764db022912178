"""Lists the items behind a count: the rows of the count's own condition, page by page, newest first.

The condition is taken from the reading that counts, so a list and its count cannot differ. Rows are ordered by their time and,
where times are equal or there are none, by their place in the table, which needs no key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Composable, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.freshness_readings import count_last_hour
from callwatch.pipeline.items.keys import read_shown_ids
from callwatch.pipeline.queries.filter_dsl import ANY, TIME, merge
from callwatch.pipeline.queries.odd_rows import list_aged_columns
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.spellings import list_spelling_censuses
from callwatch.pipeline.queries.stage import Rows, Stage, StageFile
from callwatch.pipeline.queries.stage_readings import list_readings
from callwatch.pipeline.queries.statements import TRUE, Literal, PrimaryKey, coalesce, name_column
from callwatch.pipeline.queries.time_bounds import read_time

# Those that arrived, under the name of the part of the stage file that counts them.
ARRIVALS, ARRIVED = "freshness", "arrived_last_hour"
NO_KEY = Reason("not_configured", "the stage file does not say which column holds the item's key")
_KIND = {"completed_last_hour": "done"}
_NAME = "items"
_TIME_TEXT = re.compile(r"[-+0-9A-Za-z.: ]{1,60}")
_PLACE = re.compile(r"(\d{1,10}) (\(\d{1,10},\d{1,5}\))")


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: its time as PostgreSQL writes it (None: it has none), and its place."""

    at: str | None
    table: str
    place: str


@dataclass(frozen=True, slots=True)
class ListedItem:
    """A row behind a count. id: of the item it is about; row: the row's own key; each None if it cannot be shown."""

    id: str | None
    row: str | None
    at: datetime | None
    why_no_id: Reason | None = None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One page of the items behind a count, and the count itself; None with its reason in `measured` if it is unknown."""

    measured: Measured
    items: Sequence[ListedItem] | None
    why: Reason | None = None
    next_position: Position | None = None


def find_count(stage: Stage, state: str) -> Reading:
    """The reading that counts the rows of a state."""
    return next(reading for reading in list_readings(stage) if reading.name == f"{stage.name}.{state}")


def find_kind(state: str) -> str:
    """The kind of rows of the stage file that a state counts."""
    return _KIND.get(state, state)


def _find_rows(stage: Stage, state: str) -> Rows:
    """The rows that a state counts; those of the stage's own table that no kind of rows names have no rows of their own."""
    return stage.rows.get(find_kind(state)) or Rows(stage.table)


def parse_position(given: Any) -> Position | None:
    """The position in a cursor. Raises ValueError for any that no page gave out."""
    if given is None:
        return None
    at, place = given
    found = _PLACE.fullmatch(place)
    if found is None or not (at is None or _TIME_TEXT.fullmatch(at)):
        raise ValueError(place)
    return Position(at, found[1], found[2])


def list_items(
    conn: AnyConnection, now: datetime, stages: StageFile, stage: Stage, state: str, after: Position | None, limit: int
) -> ItemPage:
    """At most `limit` items of a state after a position, newest first, and the count of all.

    Raises ValueError for a position that PostgreSQL cannot read, DatabaseUnavailable if the connection breaks.
    """
    count = find_count(stage, state)
    every = [*list_readings(stage), *list_spelling_censuses(stages)]
    censuses = [reading for reading in every if reading.names & set(count.doubts)]
    column = _find_rows(stage, state).item or stage.path.item
    find_times = partial(_find_times, stages, stage, state)
    return _list_counted(conn, now, stages, _Listed([*censuses, count], count, column, find_times), after, limit)


def list_arrivals(conn: AnyConnection, now: datetime, stages: StageFile, after: Position | None, limit: int) -> ItemPage:
    """The same of the items that arrived in the last hour; each item is a row of its own. Raises as `list_items` does."""
    given = stages.parts.get("freshness")
    if given is None:
        return ItemPage(Measured(now), None, Reason("not_configured", "the stage file does not describe freshness"))
    items = stages.parts.get("items")
    count = count_last_hour(given)
    column = items["id"] if items and items["table"] == given["table"] else None
    return _list_counted(conn, now, stages, _Listed([count], count, column, lambda _table: (given["at"],)), after, limit)


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is listed: the rows of a count. readings: the count and what makes it doubtful. column: of the item's key.

    find_times: by which times rows of a table are ordered.
    """

    readings: Sequence[Reading]
    count: Reading
    column: str | None
    find_times: Callable[[str], tuple[str, ...]]


def _list_counted(
    conn: AnyConnection, now: datetime, stages: StageFile, listed: _Listed, after: Position | None, limit: int
) -> ItemPage:
    measured, column = Measured(now), listed.column
    read(conn, [*listed.readings, _compose_list(listed.count, listed, after, limit + 1)], measured)
    if after and isinstance(measured.errors.get(_NAME), psycopg2.DataError):
        raise ValueError(after)
    if _NAME not in measured.rows:
        return ItemPage(measured, None, measured.explain_unknown(_NAME))
    rows = measured.rows[_NAME]
    shown = rows[:limit]
    kinds = {row["id"]: row["kind"] for row in shown if row["id"] is not None}
    ids = read_shown_ids(conn, now, stages, kinds, column) if column else {}
    items = [_show(row, ids, column, now) for row in shown]
    last = shown[-1] if len(rows) > limit else None
    return ItemPage(measured, items, None, Position(last["at"], last["table"], last["place"]) if last else None)


def _show(row: Mapping[str, Any], ids: Mapping[str, str | Reason], column: str | None, now: datetime) -> ListedItem:
    found: str | Reason = ids.get(row["id"] or "", Reason("none", f"{column} is empty")) if column else NO_KEY
    at = read_time(row["seconds"], now, _AHEAD_S)
    return ListedItem(None, row["row"], at, found) if isinstance(found, Reason) else ListedItem(found, row["row"], at)


# A scheduled time may lie years ahead; it is shown as it is.
_AHEAD_S = 10 * 366 * 86_400


def _compose_list(count: Reading, listed: _Listed, after: Position | None, limit: int) -> Reading:
    """The list of a count's rows; without times where their column is missing, and by the count's substitute if it has one."""
    counted = count.counted
    if counted is None:
        return replace(count, name=_NAME)
    times = listed.find_times(counted.table)
    otherwise = _compose_list(count.otherwise, listed, after, limit) if count.otherwise else None
    bare = _select(count, (), listed.column, after, limit, otherwise)
    return _select(count, times, listed.column, after, limit, bare) if times else bare


def _find_times(stages: StageFile, stage: Stage, state: str, table: str) -> tuple[str, ...]:
    """The time by which rows of a state are ordered: their own, that by which they are counted, or since when they wait."""
    rows = _find_rows(stage, state)
    items = stages.parts.get("items")
    if table == rows.table and (rows.at or list_aged_columns(rows.where)):
        return rows.at or list_aged_columns(rows.where)[:1]
    if table == stage.table:
        return (stage.waiting_since,)
    return (items["at"],) if items and table == items["table"] else ()


def _select(
    count: Reading, times: tuple[str, ...], column: str | None, after: Position | None, limit: int, otherwise: Reading | None
) -> Reading:
    counted = count.counted
    assert counted is not None
    at = coalesce(times) if times else SQL("NULL::timestamptz")
    template = """
        SELECT {key} AS id, {kind} AS kind, {row} AS row, ({at})::text AS at, extract(epoch FROM {at})::float AS seconds,
               r.tableoid::text AS table, r.ctid::text AS place
        FROM {table} r WHERE {condition} AND {after} ORDER BY {order} LIMIT {limit}
    """
    key = SQL("left({}::text, 200)").format(name_column(column)) if column else SQL("NULL::text")
    sql = SQL(template).format(
        key=key,
        kind=SQL("pg_typeof({})::text").format(name_column(column)) if column else SQL("NULL::text"),
        row=PrimaryKey(counted.table),
        at=at,
        table=Identifier(counted.table),
        condition=counted.condition,
        after=_continue_after(at if times else None, after),
        order=SQL("{at} DESC, r.tableoid DESC, r.ctid DESC").format(at=at) if times else SQL("r.tableoid DESC, r.ctid DESC"),
        limit=Literal(limit),
    )
    needs = merge({}, count.needs, {counted.table: {**dict.fromkeys(times, TIME), **({column: ANY} if column else {})}})
    params = {} if after is None else {"at": after.at, "table": after.table, "place": after.place}
    return Reading(_NAME, needs, sql, is_table=True, otherwise=otherwise, params=params)


def _continue_after(at: Composable | None, after: Position | None) -> Composable:
    """The condition on rows after a position; rows without a time come first, as PostgreSQL orders them."""
    if after is None:
        return TRUE
    place = SQL("(r.tableoid, r.ctid) < (%(table)s::oid, %(place)s::tid)")
    if at is None:
        return place
    if after.at is None:
        return SQL("({at} IS NOT NULL OR {place})").format(at=at, place=place)
    # A time without a zone is compared as one in UTC, the zone of the session.
    return SQL("({at} < %(at)s::timestamptz OR ({at} = %(at)s::timestamptz AND {place}))").format(at=at, place=place)
