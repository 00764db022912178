"""Targets of hostile values: each column that the monitor reads, in a row of each kind that the stage file distinguishes."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2 import extensions
from psycopg2.sql import SQL

from callwatch.pipeline.costs.usage import _compose
from callwatch.pipeline.freshness_readings import build_window_readings
from callwatch.pipeline.product import build_all_readings
from callwatch.pipeline.queries.filter_dsl import TIME, Clause, render_sql
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import Rows, StageFile
from callwatch.pipeline.queries.statements import TRUE
from callwatch.pipeline.tenants.silence import build_steps_reading
from tests.hostile.values import ALTERATIONS, VALUES, Alteration

_NOT_OF_ONE_ROW = ("older than", "newer than", "has", "has no")


# The clauses that the rows of one kind match.
Where = tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Injection:
    """One value in one column of one row; `alteration`: the column's type is changed, too.

    is_judged: whether this column decides on rows of this kind.
    """

    table: str
    column: str
    family: str
    where: Where
    value: str
    alteration: Alteration | None = None
    is_judged: bool = True

    def __str__(self) -> str:
        changed = f" as {self.alteration.to_type}" if self.alteration else ""
        where = [(each.column, each.operator, each.value) for each in self.where]
        return f"{self.table}.{self.column}{changed} = {self.value[:60]} where {where}"


def readings(stages: StageFile) -> list[Reading]:
    """Return every statement of a product, those of freshness and costs included."""
    freshness = stages.parts.get("freshness")
    windows = {"freshness.window_3600": [], "freshness.silence": []}  # type: ignore[var-annotated]
    items = stages.parts.get("items")
    tenants = [build_steps_reading(items, freshness, [])] if freshness and items and "tenant" in items else []
    costs = [
        _compose(rows, number, stages, SQL("{at} IS NOT NULL"), TRUE, {}, 10)
        for number, rows in enumerate(stages.parts.get("costs", {}).get("usage", ()))
    ]
    return [*build_all_readings(stages), *(build_window_readings(freshness, windows) if freshness else ()), *tenants, *costs]


def families(stages: StageFile) -> dict[tuple[str, str], str]:
    """Return the required type of each column that any reading needs, by table and column."""
    found: dict[tuple[str, str], str] = {}
    for reading in readings(stages):
        for table, column, family in _needs(reading):
            if family == TIME or (table, column) not in found:
                found[table, column] = family
    return found


def needing(stages: StageFile, columns: set[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names of readings that need any of these columns."""
    return tuple(
        {one.name for one in readings(stages) if any((table, column) in columns for table, column, _family in _needs(one))}
    )


def _needs(reading: Reading) -> Iterator[tuple[str, str, str]]:
    for table, columns in reading.needs.items():
        for column, family in columns.items():
            yield table, column, family
    if reading.otherwise:
        yield from _needs(reading.otherwise)


def injections(conn: extensions.connection, stages: StageFile) -> list[Injection]:
    """Return every column with every value of its type, and with every other type, in a row of each kind."""
    types = _types(conn)
    kinds = _kinds(stages)
    found = []
    for (table, column), family in sorted(families(stages).items()):
        of_type, of_table = types[table, column], kinds.get(table, {(): {column}})
        by_all = column in _by_table(stages).get(table, ())
        for where, judged in of_table.items():
            is_judged = by_all or column in judged
            found += [Injection(table, column, family, where, value, is_judged=is_judged) for value in VALUES[of_type]]
        where = next(iter(of_table))
        found += [Injection(table, column, family, where, one.hostile, one) for one in ALTERATIONS.get(of_type, ())]
    return found


def spread(singles: Sequence[Injection], count: int) -> list[Injection]:
    """Return a selection of this size: each column at least once if possible, each time with another value."""
    by_column: dict[tuple[str, str], list[Injection]] = {}
    for single in singles:
        by_column.setdefault((single.table, single.column), []).append(single)
    # Steps that are coprime to the usual numbers of values, so that columns get different values.
    chosen = [values[(7 * number) % len(values)] for number, values in enumerate(by_column.values())]
    times = [values[(11 * number) % len(values)] for number, values in enumerate(by_column.values()) if values[0].family == TIME]
    return list(dict.fromkeys([*chosen, *times]))[:count]


def pairs(singles: Sequence[Injection], count: int, seed: int) -> list[tuple[Injection, Injection]]:
    """Return two values at once, in two columns or rows; deterministic for a seed."""
    draw = random.Random(seed)
    plain = [single for single in singles if single.alteration is None]
    chosen = [(draw.choice(plain), draw.choice(plain)) for _number in range(count)]
    return [pair for pair in chosen if pair[0] != pair[1]]


def _types(conn: extensions.connection) -> dict[tuple[str, str], str]:
    with conn.cursor() as cursor:
        cursor.execute("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'")
        return {(table, column): data_type for table, column, data_type in cursor.fetchall()}


def _kinds(stages: StageFile) -> dict[str, dict[Where, set[str]]]:
    """Return the conditions that distinguish the kinds of rows of a table, and the columns that decide on each kind."""
    found: dict[str, dict[Where, set[str]]] = {}
    for stage in stages.stages:
        for figure, rows in stage.rows.items():
            waiting = {stage.waiting_since} if figure == "pending" else set()
            _add_kind(found, rows, waiting)
        if not stage.duration.joined:
            done = Rows(stage.duration.table, stage.duration.where)
            _add_kind(found, done, {stage.duration.start, stage.duration.end})
    for vendor in stages.vendors:
        for rows in (*vendor.ok, *(failed.rows for failed in vendor.failed)):
            _add_kind(found, rows, set())
    heartbeats = stages.parts.get("heartbeats")
    if heartbeats:
        first = heartbeats["crons"][0]["name"]
        found[heartbeats["table"]] = {(Clause(heartbeats["name"], "=", first),): {heartbeats["last_ok"]}}
    return found


def _add_kind(found: dict[str, dict[Where, set[str]]], rows: Rows, columns: set[str]) -> None:
    if not rows.none:
        judged = found.setdefault(rows.table, {}).setdefault(_select_clauses(rows), set())
        aged = {clause.column for clause in rows.where if clause.operator in ("older than", "newer than")}
        judged |= {*columns, *rows.at[:1], *aged}


def _by_table(stages: StageFile) -> dict[str, set[str]]:
    """Return the columns that decide on every row of a table, of any kind."""
    every: Any = stages.parts
    dated = {name: part for name, part in every.items() if name not in ("heartbeats", "costs", "tenants")}
    parts = [(part, "started" if name == "syncs" else "at") for name, part in dated.items()]
    found: dict[str, set[str]] = {}
    for part, key in parts:
        found.setdefault(part["table"], set()).add(part[key])
    return found


def _select_clauses(rows: Rows) -> Where:
    return tuple(clause for clause in rows.where if clause.operator not in _NOT_OF_ONE_ROW)


@contextmanager
def injected(conn: extensions.connection, now: datetime, keys: Mapping[str, str], *given: Injection) -> Iterator[bool]:
    """Inject these values for the `with` block; False if PostgreSQL rejects one, or no row is of its kind."""
    undo: list[tuple[str, Any]] = []
    try:
        yield all(_inject(conn, now, keys[one.table], one, undo) for one in given)
    finally:
        with conn.cursor() as cursor:
            for statement, params in reversed(undo):
                cursor.execute(statement, params)


def _inject(conn: extensions.connection, now: datetime, key: str, one: Injection, undo: list[tuple[str, Any]]) -> bool:
    table, column = f'"{one.table}"', f'"{one.column}"'
    with conn.cursor() as cursor:
        order = f'"{key}" DESC' if one.family != TIME else f"{column} DESC NULLS LAST"
        select = SQL(f'SELECT "{key}"::text, {column}::text FROM {table} r WHERE {{}} ORDER BY {order} LIMIT 1')
        cursor.execute(select.format(render_sql(one.where, one.table)), {"now": now})
        row = cursor.fetchone()
        if row is None:
            return False
        try:
            if one.alteration:
                _alter(cursor, one, key, row[0], undo)
            else:
                known = f'"{key}"::text = %(key)s'
                update = f'UPDATE {table} SET {column} = {one.value} WHERE {known} RETURNING "{key}"::text'
                cursor.execute(update, {"now": now, "key": row[0]})
                (new_key,) = cursor.fetchone() or (row[0],)
                params = {"old": row[1], "key": new_key}
                undo.append((f"UPDATE {table} SET {column} = %(old)s WHERE {known}", params))
        except psycopg2.Error:
            return False
    return True


def _alter(cursor: Any, one: Injection, key: str, subject: str, undo: list[tuple[str, Any]]) -> None:
    """Change the type of the column in the table behind a view: as fast as an update, and as fast to undo."""
    assert one.alteration is not None
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", (one.table,)
    )
    others = [row[0] for row in cursor.fetchall() if row[0] != one.column]
    plain = one.alteration.others.format(column=f'"{one.column}"').replace("%", "%%")
    odd = f"{one.alteration.hostile}::{one.alteration.to_type}"
    shown = f'CASE WHEN "{key}"::text = %(key)s THEN {odd} ELSE ({plain})::{one.alteration.to_type} END AS "{one.column}"'
    columns = ", ".join([f'"{name}"' for name in others] + [shown])
    before = f"{one.table}_before"
    cursor.execute(
        f'ALTER TABLE "{one.table}" RENAME TO "{before}"; CREATE VIEW "{one.table}" AS SELECT {columns} FROM "{before}"',
        {"key": subject},
    )
    undo.append((f'DROP VIEW "{one.table}"; ALTER TABLE "{before}" RENAME TO "{one.table}"', None))
