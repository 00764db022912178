"""Odd rows: rows whose time is missing, too early to be true, or ahead of every clock.

They belong to no window and have no age, so each kind of row has a census: how many odd rows there are, and the key of one. A
figure that they may belong to is unknown, and the census is a figure of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import SQL, Composable

from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import TIME, Clause, Needs, list_needs, merge, render_sql
from callwatch.pipeline.queries.reading import Aggregate, Census, Reading
from callwatch.pipeline.queries.stage import Rows
from callwatch.pipeline.queries.statements import PrimaryKey, coalesce
from callwatch.pipeline.queries.time_bounds import MAX_CLOCK_SKEW_S, is_ahead, is_early

_COMPARED = ("older than", "newer than")
# A census as one JSON array: how many rows are early, ahead and undated, and the key of one of them.
_COUNTS = SQL(
    """json_build_array(coalesce(sum(({early})::int){filter}, 0), coalesce(sum(({ahead})::int){filter}, 0),
                        coalesce(sum(({undated})::int){filter}, 0), min({key}){filter})"""
)


@dataclass(frozen=True, slots=True)
class OddRows:
    """The result of a census; `key`: the primary key of one of the rows, if it is a number or a UUID."""

    census: Census
    early: int = 0
    ahead: int = 0
    undated: int = 0
    key: str | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether ages and counts by age are unknown. A row that is scheduled far ahead, or not at all, is not due."""
        return self.early > 0 or (self.ahead + self.undated > 0 and not self.census.is_schedule)

    @property
    def reason(self) -> Reason:
        """Why the figures that they may belong to are unknown."""
        where = f"{self.census.table}.{self.census.column}"
        row = f"row {self.key}" if self.key else "a row"
        if self.census.word is not None:
            return Reason("unavailable", f"column {where} of {row} spells the state {self.census.word} in another way")
        fault = "cannot be read as a time" if self.early else "lies in the future" if self.ahead else "is missing"
        return Reason("unavailable", f"{where} of {row} {fault}")


def read_odd_rows(census: Census, counts: Sequence[Any]) -> OddRows:
    """The result of a census as the database returns it."""
    early, ahead_count, undated, key = counts
    return OddRows(census, int(early), int(ahead_count), int(undated), key)


def compose_odd_rows(rows: Rows, times: tuple[str, ...], with_undated: bool) -> tuple[Needs, Composable]:
    """The columns and the condition by which rows are found whose time is odd: the first of some columns that is not NULL."""
    where = _list_timeless(rows, times)
    tests = _list_tests(rows, times)
    is_odd = SQL(" OR ").join(tests if with_undated else tests[:2])
    needs = merge(list_needs(rows.table, where), {rows.table: dict.fromkeys(times, TIME)})
    return needs, SQL("{} AND ({})").format(render_sql(where, rows.table), is_odd)


def _list_timeless(rows: Rows, times: tuple[str, ...]) -> tuple[Clause, ...]:
    """The clauses of rows without those on the age of one of these columns."""
    return tuple(clause for clause in rows.where if not (clause.column in times and clause.operator in _COMPARED))


def _list_tests(rows: Rows, times: tuple[str, ...]) -> list[Composable]:
    """Whether a row is early, ahead, or undated."""
    at = coalesce(times)
    ahead_s = MAX_CLOCK_SKEW_S if rows.ahead_s is None else rows.ahead_s
    return [is_early(at), is_ahead(at, ahead_s), SQL("{} IS NULL").format(at)]


def count_odd_rows(name: str, rows: Rows, times: tuple[str, ...], with_undated: bool = False) -> Reading | None:
    """The census of rows by their time; None if it is not possible."""
    if rows.none or not times:
        return None
    needs, condition = compose_odd_rows(rows, times, with_undated)
    counted = dict(zip(("early", "ahead", "undated"), _list_tests(rows, times), strict=True))
    aggregate = Aggregate(rows.table, _COUNTS, condition, {**counted, "key": PrimaryKey(rows.table)})
    is_plain = not any(clause.reads_other_table for clause in rows.where)
    substitute = find_substitute(rows, times)
    otherwise = count_odd_rows(name, *substitute, with_undated) if substitute else None
    return Reading(
        name,
        needs,
        aggregate.select(),
        otherwise=otherwise,
        aggregate=aggregate if is_plain else None,
        census=Census(rows.table, times[0], rows.ahead_s is not None),
    )


def find_substitute(rows: Rows, times: tuple[str, ...]) -> tuple[Rows, tuple[str, ...]] | None:
    """The substitute of rows, with the columns of its time: its own, those by whose age it is counted, or those of the rows."""
    other = rows.otherwise
    return (other, other.at or list_aged_columns(other.where) or times) if other else None


def list_aged_columns(where: Sequence[Clause]) -> tuple[str, ...]:
    """The columns by whose age rows are counted without a limit: "older than" without "newer than"."""
    limited = {clause.column for clause in where if clause.operator == "newer than"}
    found = [clause.column for clause in where if clause.operator == "older than" and clause.column not in limited]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class OddTotal:
    """How many rows of a column are early and how many ahead; unread: why these are only the known part, None if they are all."""

    early: int = 0
    ahead: int = 0
    unread: Reason | None = None


def sum_odd_rows(odd: Mapping[str, OddRows], unread: Iterable[tuple[Census, Reason]]) -> dict[tuple[str, str], OddTotal]:
    """The odd rows by table and column: censuses of the same column overlap. unread: those that could not be read, and why."""
    found: dict[tuple[str, str], OddTotal] = {}
    for rows in odd.values():
        if rows.census.word is not None:
            continue
        where = rows.census.table, rows.census.column
        known = found.get(where, OddTotal())
        found[where] = OddTotal(max(known.early, rows.early), max(known.ahead, 0 if rows.census.is_schedule else rows.ahead))
    for census, reason in unread:
        if census.word is not None:
            continue
        where = census.table, census.column
        found[where] = replace(found.get(where, OddTotal()), unread=reason)
    return found
