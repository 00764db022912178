"""Undated rows: open rows of a stage without a usable time, so that no figure by age sees them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from itertools import product

from psycopg2.sql import SQL

from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import merge
from callwatch.pipeline.queries.odd_rows import compose_odd_rows, find_substitute, list_aged_columns
from callwatch.pipeline.queries.reading import Aggregate, Reading
from callwatch.pipeline.queries.stage import Rows, Stage

# Overdue work has a schedule, which lies ahead until it is due; this is the limit if the stage file does not give one.
_SCHEDULED_WITHIN_S = 10 * 366 * 86_400
_COUNT = SQL("count(*){filter}::float")
NO_AGES = Reason("not_recorded", "the stage has no open items with a time")
# Rows of one kind, and the columns of their time.
_Kind = tuple[Rows, tuple[str, ...]]


def list_open_kinds(stage: Stage) -> dict[str, _Kind]:
    """The kinds of open rows that are evaluated by a time, each with the columns of that time, by the name of the kind."""
    overdue, stuck, pending, due = (stage.rows[kind] for kind in ("overdue", "stuck", "pending", "due"))
    if overdue.ahead_s is None:
        overdue = replace(overdue, ahead_s=_SCHEDULED_WITHIN_S)
    kinds = {
        "overdue": (overdue, list_aged_columns(overdue.where)),
        "stuck": (stuck, list_aged_columns(stuck.where)),
        "waiting": (pending, _find_waiting_since(stage)),
        "due": (due, due.at),
    }
    return {name: (rows, times) for name, (rows, times) in kinds.items() if times and not rows.none}


def list_undated_counts(stage: Stage) -> Iterator[Reading]:
    """The count of a stage's undated rows, each once; one more for each other table that holds open rows of the stage."""
    by_table: dict[str, list[_Kind]] = {}
    for rows, times in list_open_kinds(stage).values():
        by_table.setdefault(rows.table, []).append((rows, times))
    for table, kinds in by_table.items():
        yield _count_any(_name_count(stage, table), table, kinds)
    if stage.table not in by_table:
        yield Reading(_name_count(stage, stage.table), none=NO_AGES)


def name_undated_counts(stage: Stage) -> list[str]:
    """The names of these counts; that of the stage's own table, which is unknown, if no open rows have a time."""
    tables = dict.fromkeys(rows.table for rows, _times in list_open_kinds(stage).values())
    return [_name_count(stage, table) for table in tables or (stage.table,)]


def _name_count(stage: Stage, table: str) -> str:
    return f"{stage.name}.undated" if table == stage.table else f"{stage.name}.undated_in_{table}"


def _find_waiting_since(stage: Stage) -> tuple[str, ...]:
    """The time since which items wait; none if their window is part of what makes them pending."""
    limited = {clause.column for clause in stage.rows["pending"].where if clause.operator == "newer than"}
    return () if stage.waiting_since in limited else (stage.waiting_since,)


def _count_any(name: str, table: str, kinds: list[_Kind]) -> Reading:
    """The rows of any of the kinds. A column that is missing replaces as few kinds as possible by their substitutes."""
    choices = list(product(*(list(enumerate(_list_alternatives(kind))) for kind in kinds)))
    choices.sort(key=lambda chosen: sum(number for number, _kind in chosen))
    found = [_count_chosen(name, table, [kind for _number, kind in chosen]) for chosen in choices]
    return reduce(lambda later, earlier: replace(earlier, otherwise=later), reversed(found))


def _list_alternatives(kind: _Kind) -> Iterator[_Kind]:
    yield kind
    if substitute := find_substitute(*kind):
        yield from _list_alternatives(substitute)


def _count_chosen(name: str, table: str, kinds: list[_Kind]) -> Reading:
    composed = [compose_odd_rows(rows, times, with_undated=True) for rows, times in kinds]
    is_odd = SQL("({})").format(SQL(" OR ").join(SQL("({})").format(condition) for _needs, condition in composed))
    aggregate = Aggregate(table, _COUNT, is_odd)
    is_plain = not any(clause.reads_other_table for rows, _times in kinds for clause in rows.where)
    needs = merge({}, *(needs for needs, _condition in composed))
    return Reading(name, needs, aggregate.select(), aggregate=aggregate if is_plain else None, counted=aggregate)
