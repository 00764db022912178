"""One item on its way through the stages: found by any of its keys, and its state in each stage by the stage's own conditions.

1. `find_item` looks the item up by its id, then by its other keys; the first key that has it counts.
2. Each stage is asked by the conditions that count its rows, narrowed to this item: what is in no set is missing.
3. `choose_state` takes the first set that holds the item. A set that cannot be read leaves the state unknown only if no other
   set holds the item.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal as OneOf

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.items.listing import find_count
from callwatch.pipeline.queries.filter_dsl import ANY, NUMBER, TIME, list_needs, merge, render_sql
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import Rows, Stage, StageFile
from callwatch.pipeline.queries.statements import KeyAmong, Literal, coalesce, name_column
from callwatch.pipeline.queries.time_bounds import read_time
from callwatch.pipeline.vendors import CLASSES

StepState = OneOf["done", "waiting", "processing", "stuck", "zombie", "dead", "missing", "unknown"]
# Sets by which a count of now holds an item, and those whose rows hold it whenever they were written.
_COUNTED = ("zombie", "stuck", "processing", "pending", "false_success", "unlisted", "orphan")
_WRITTEN = ("done", "dead", "failed")
# What each set says of the item, in the order in which they count: what is in work or waits, even again, then results, then
# failures.
_SAYS: Mapping[str, tuple[StepState, str | None]] = {
    "zombie": ("zombie", None),
    "stuck": ("stuck", None),
    "processing": ("processing", None),
    "pending": ("waiting", None),
    "skipped": ("done", "skipped"),
    "result": ("done", None),
    "false_success": ("missing", "false_success"),
    "done": ("done", None),
    "dead": ("dead", None),
    "failed": ("missing", "failed"),
    # It has a row, in a state that the stage file does not name: to call it missing would be wrong.
    "unlisted": ("unknown", "unlisted"),
    "orphan": ("missing", "orphan"),
}
# Where failures are events, the item itself still waits: the event says that nothing will come of it.
_BY_EVENTS = ("zombie", "processing", "skipped", "result", "dead", "stuck", "pending", "done", "failed", "unlisted", "orphan")
_MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """An item in one stage. reason: a class of failure, or why nothing was done. unknown: by field."""

    stage: str
    state: StepState
    began_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int | None = None
    reason: str | None = None
    unknown: Mapping[str, Reason] = field(default_factory=dict)


def follow(conn: AnyConnection, now: datetime, stages: StageFile, keys: tuple[str, ...]) -> list[Step]:
    """The item with one of these keys in each stage. Raises DatabaseUnavailable if the connection breaks."""
    found: list[Step] = []
    for stage in stages.stages:
        step = _follow_stage(conn, now, stage, keys)
        if step.state == "missing" and step.reason is None and found and found[-1].state != "done":
            # The item has not come this far.
            waits = found[-1].state in ("waiting", "processing")
            step = replace(step, state="waiting" if waits else "missing", reason="not_reached")
        found.append(step)
    return found


def _follow_stage(conn: AnyConnection, now: datetime, stage: Stage, keys: tuple[str, ...]) -> Step:
    if stage.path.item is None:
        return Step(stage.name, "unknown", unknown=dict.fromkeys(("state", "began_at", "ended_at", "attempts"), _NO_WAY))
    measured = Measured(now)
    read(conn, list(_list_questions(stage, stage.path.item, keys)), measured)
    state, reason, why = choose_state(stage, measured)
    unknown = {"state": why} if why else {}
    failure = measured.rows.get(f"{stage.name}.error") if state not in ("done", "waiting", "processing") else None
    if failure and reason in (None, "failed"):
        reason = failure[0]["kind"]
    began_at = _read_time(measured, f"{stage.name}.began_at", "began_at", _NO_ROW, unknown)
    # A queue forgets its rows, and the result remains.
    sources = ["dead_at"] if state == "dead" else ["done_at", "result_at"]
    names = [f"{stage.name}.{source}" for source in sources]
    chosen = next((name for name in names if measured.rows.get(name, [{"value": None}])[0]["value"] is not None), names[0])
    ended_at = _read_time(measured, chosen, "ended_at", _NOT_ENDED, unknown)
    attempts = measured.rows.get(f"{stage.name}.attempts", [])
    tried = attempts[0]["value"] if attempts else None
    number = round(tried) if tried is not None and math.isfinite(tried) else None
    if tried is not None and number is None:
        unknown["attempts"] = Reason("unavailable", "its count of attempts is not a number")
    elif number is None:
        unknown["attempts"] = measured.unknown.get(f"{stage.name}.attempts", _NO_ROW)
    return Step(stage.name, state, began_at, ended_at, number, reason, unknown)


_NO_WAY = Reason("not_configured", "the stage file does not say how items are followed through this stage")
_NO_ROW = Reason("none", "the stage has no row of this item")
_NOT_ENDED = Reason("none", "it has not ended")
_NO_ATTEMPTS = Reason("not_recorded", "the stage file names no column that counts attempts")


def _read_time(measured: Measured, name: str, field_name: str, absent: Reason, unknown: dict[str, Reason]) -> datetime | None:
    rows = measured.rows.get(name, [])
    seconds = rows[0]["value"] if rows else None
    at = read_time(seconds, measured.at)
    if at is None:
        odd = Reason("unavailable", "its time cannot be read as one") if seconds is not None else absent
        unknown[field_name] = measured.unknown.get(name, odd)
    return at


def choose_state(stage: Stage, measured: Measured) -> tuple[StepState, str | None, Reason | None]:
    """The state of the item in a stage, a reason if the set itself gives one, and why the state is unknown."""
    why: Reason | None = None
    order = _SAYS if stage.rows["dead"].table in ("", stage.table) else _BY_EVENTS
    for kind in order:
        name = f"{stage.name}.{kind}"
        if measured.get(name):
            return _interpret_count(stage, kind, measured)
        # Rows that nobody records are in no set; others may hold the item, but cannot be read.
        unread = measured.unknown.get(name)
        if unread and unread.code not in ("not_recorded", "not_configured"):
            why = why or unread
    return ("unknown", None, why) if why else ("missing", None, None)


def _interpret_count(stage: Stage, kind: str, measured: Measured) -> tuple[StepState, str | None, None]:
    is_without_result = kind == "done" and measured.get(f"{stage.name}.result") == 0
    if is_without_result and not stage.rows["false_success"].none:
        # The count of false successes ends after a while, and the result is still missing.
        kind = "false_success"
    state, reason = _SAYS[kind]
    return state, reason, None


def _list_questions(stage: Stage, item: str, keys: tuple[str, ...]) -> Iterator[Reading]:
    for kind in _COUNTED:
        rows = stage.rows.get(kind)
        yield _ask_count(find_count(stage, kind), (rows and rows.item) or item, keys)
    for kind in _WRITTEN:
        yield _ask_rows(f"{stage.name}.{kind}", stage.rows[kind], item, keys)
    for kind, rows in (("result", stage.path.result), ("skipped", stage.path.skipped)):
        if rows:
            yield _ask_rows(f"{stage.name}.{kind}", rows, item, keys)
    yield _read_newest(f"{stage.name}.began_at", Rows(stage.table, at=stage.path.began), item, keys)
    yield _read_newest(f"{stage.name}.done_at", stage.rows["done"], item, keys)
    yield _read_newest(f"{stage.name}.dead_at", stage.rows["dead"], item, keys)
    if stage.path.result and stage.path.result.at:
        yield _read_newest(f"{stage.name}.result_at", stage.path.result, item, keys)
    yield _read_attempts(stage, item, keys)
    if stage.path.error and not stage.rows["failed"].none:
        yield _classify_error(stage, stage.path.error, item, keys)


def _ask_count(count: Reading, column: str, keys: tuple[str, ...]) -> Reading:
    """Whether the rows of a count hold the item: the count's own condition, narrowed to it."""
    counted = count.counted
    if counted is None:
        return count
    otherwise = _ask_count(count.otherwise, column, keys) if count.otherwise else None
    needs = merge({}, count.needs, {counted.table: {column: ANY}})
    sql = _compose_exists(counted.table, column, keys, counted.condition)
    return Reading(count.name, needs, sql, otherwise=otherwise)


def _ask_rows(name: str, rows: Rows, item: str, keys: tuple[str, ...]) -> Reading:
    """Whether rows hold the item, whenever they were written."""
    if rows.none:
        return Reading(name, none=rows.none)
    column = rows.item or item
    needs = merge(list_needs(rows.table, rows.where), {rows.table: {column: ANY, **dict.fromkeys(rows.at, ANY)}})
    otherwise = _ask_rows(name, rows.otherwise, item, keys) if rows.otherwise else None
    condition = render_sql(rows.where, rows.table)
    if rows.at:
        # A count has a window of time, which a row without a time is not in.
        condition = SQL("{} AND {} IS NOT NULL").format(condition, coalesce(rows.at))
    return Reading(name, needs, _compose_exists(rows.table, column, keys, condition), otherwise=otherwise)


def _compose_exists(table: str, column: str, keys: tuple[str, ...], condition: Composable) -> Composable:
    template = SQL("SELECT EXISTS (SELECT FROM {table} r WHERE {is_item} AND {condition})::int::float AS value")
    return template.format(table=Identifier(table), is_item=KeyAmong(table, column, keys), condition=condition)


def _read_newest(name: str, rows: Rows, item: str, keys: tuple[str, ...]) -> Reading:
    """The time of the item's newest row."""
    if rows.none or not rows.at:
        return Reading(name, none=rows.none or _NOT_ENDED)
    column, at = rows.item or item, coalesce(rows.at)
    needs = merge(list_needs(rows.table, rows.where), {rows.table: {column: ANY, **dict.fromkeys(rows.at, TIME)}})
    template = "SELECT extract(epoch FROM max({at}))::float AS value FROM {table} r WHERE {is_item} AND {condition}"
    sql = SQL(template).format(
        at=at,
        table=Identifier(rows.table),
        is_item=KeyAmong(rows.table, column, keys),
        condition=render_sql(rows.where, rows.table),
    )
    return Reading(name, needs, sql, is_table=True)


def _read_attempts(stage: Stage, item: str, keys: tuple[str, ...]) -> Reading:
    column = stage.path.attempts
    if column is None:
        return Reading(f"{stage.name}.attempts", none=_NO_ATTEMPTS)
    sql = SQL("SELECT max({attempts})::float AS value FROM {table} r WHERE {is_item}").format(
        attempts=name_column(column), table=Identifier(stage.table), is_item=KeyAmong(stage.table, item, keys)
    )
    return Reading(f"{stage.name}.attempts", {stage.table: {column: NUMBER, item: ANY}}, sql, is_table=True)


def _classify_error(stage: Stage, column: str, item: str, keys: tuple[str, ...]) -> Reading:
    """The class of the item's failure by its words, which never leave the database."""
    failed = stage.rows["failed"]
    # A waiting row may also hold the text of its last failure; events are failures by their kind alone.
    where = () if failed.table == stage.table else failed.where
    table, key = failed.table, failed.item or item
    case = SQL("WHEN text ~* {pattern} THEN {kind}")
    cases = [case.format(pattern=Literal(pattern), kind=Literal(kind)) for kind, pattern in CLASSES.items()]
    template = """
        SELECT CASE {cases} ELSE 'error' END AS kind FROM (
            SELECT left({column}::text, {limit}) AS text FROM {table} r
            WHERE {is_item} AND {column} IS NOT NULL AND {condition} ORDER BY {newest} LIMIT 1) AS failure
    """
    sql = SQL(template).format(
        cases=SQL(" ").join(cases),
        column=name_column(column),
        limit=Literal(_MAX_TEXT),
        table=Identifier(table),
        is_item=KeyAmong(table, key, keys),
        condition=render_sql(where, table),
        newest=SQL("{} DESC NULLS LAST, r.ctid DESC").format(coalesce(failed.at)),
    )
    needs = merge(list_needs(table, where), {table: {column: ANY, key: ANY, **dict.fromkeys(failed.at, TIME)}})
    return Reading(f"{stage.name}.error", needs, sql, is_table=True)
