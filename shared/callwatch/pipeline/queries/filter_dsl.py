"""The clauses of a stage file: their syntax, the columns they need, and the SQL they become.

A clause is a list: ["status", "=", "pending"], ["attempts", ">=", 3], ["type", "in", ["a", "b"]], ["processed_at", "is null"],
["started_at", "older than", 600] (seconds), ["call_id", "has no", "transcripts.call_id"]. All clauses of one list must hold.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.pipeline.queries.statements import KeysEqual, Literal, join_all, name_column
from callwatch.pipeline.queries.time_bounds import compose_newer_than, compose_older_than

# What a column must hold: its family, as schema.py derives it from the type.
TEXT, NUMBER, TIME, KEY, ANY = "text", "number", "time", "key", "any"
Needs = Mapping[str, Mapping[str, str]]

# The longest span of seconds: a date this far from now is one that Python and PostgreSQL can represent.
MAX_SECONDS = 10**10
_MAX_NUMBER = 10**15
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_COMPARISONS = ("=", "<", "<=", ">", ">=")
_TAKES = 'a clause such as ["status", "=", "pending"] or ["started_at", "older than", 600]'


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause; `value` is a text, a number, a tuple of texts, seconds, or (table, column, clauses there)."""

    column: str
    operator: str
    value: Any = None

    @property
    def reads_other_table(self) -> bool:
        """Whether rows of another table decide, so that one scan of the own table cannot."""
        return self.operator in ("has", "has no")


def name(value: Any, what: str = "a table or column") -> str:
    """A plain lowercase SQL name. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"the lowercase name of {what}")
    return value


def parse_clauses(raw: Any) -> tuple[Clause, ...]:
    """The clauses of a list. Raises ValueError whose text completes "must be ..."."""
    if not isinstance(raw, list):
        raise ValueError(f"a list of clauses, each {_TAKES}")
    return tuple(_parse_clause(item) for item in raw)


def _parse_clause(raw: Any) -> Clause:
    if not isinstance(raw, list) or len(raw) < 2:
        raise ValueError(_TAKES)
    column, operator, *rest = raw
    name(column, "a column")
    if operator in ("is null", "is not null") and not rest:
        return Clause(column, operator)
    if operator in _COMPARISONS and len(rest) == 1 and _is_number(rest[0]):
        return Clause(column, operator, rest[0])
    if operator == "=" and len(rest) == 1 and isinstance(rest[0], str):
        return Clause(column, operator, rest[0])
    if operator == "in" and len(rest) == 1 and rest[0] and _is_texts(rest[0]):
        return Clause(column, operator, tuple(rest[0]))
    if operator in ("older than", "newer than") and len(rest) == 1 and _is_number(rest[0]) and 0 <= rest[0] <= MAX_SECONDS:
        return Clause(column, operator, rest[0])
    if operator in ("has", "has no") and 1 <= len(rest) <= 2 and isinstance(rest[0], str):
        table, _dot, other = rest[0].partition(".")
        return Clause(column, operator, (name(table), name(other), parse_clauses(rest[1]) if len(rest) == 2 else ()))
    raise ValueError(_TAKES)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MAX_NUMBER <= value <= _MAX_NUMBER


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def list_needs(table: str, given: Iterable[Clause]) -> dict[str, dict[str, str]]:
    """The columns that clauses on a table need, by table, each with its family."""
    found: dict[str, dict[str, str]] = {table: {}}
    for clause in given:
        if clause.reads_other_table:
            other, column, inner = clause.value
            merge(found, {table: {clause.column: KEY}, other: {column: KEY}}, list_needs(other, inner))
        else:
            merge(found, {table: {clause.column: _find_family(clause)}})
    return found


def merge(into: dict[str, dict[str, str]], *more: Needs) -> dict[str, dict[str, str]]:
    """Add needs to needs; a specific family replaces `any`."""
    for needs in more:
        for table, columns in needs.items():
            known = into.setdefault(table, {})
            for column, family in columns.items():
                if column not in known or known[column] == ANY or (known[column] == KEY and family != ANY):
                    known[column] = family
    return into


def _find_family(clause: Clause) -> str:
    if clause.operator in ("older than", "newer than"):
        return TIME
    if clause.operator in ("is null", "is not null"):
        return ANY
    return NUMBER if _is_number(clause.value) else TEXT


def render_sql(given: Iterable[Clause], table: str, alias: str = "r") -> Composable:
    """The condition on `table` under an alias, composed; the parameter `now` stands for the time of the reading."""
    return join_all(_compose(clause, table, alias) for clause in given)


def _compose(clause: Clause, table: str, alias: str) -> Composable:
    column, value = name_column(clause.column, alias), clause.value
    match clause.operator:
        case "is null" | "is not null":
            return SQL("{} {}").format(column, SQL(clause.operator.upper()))
        case "older than":
            return compose_older_than(column, value)
        case "newer than":
            return compose_newer_than(column, value)
        case "in":
            return SQL("{} IN ({})").format(column, SQL(", ").join(map(Literal, value)))
        case "has" | "has no":
            other, key, inner = value
            within = f"alias_{alias}"
            equal = KeysEqual(other, key, within, table, clause.column, alias)
            found = SQL("EXISTS (SELECT FROM {} {} WHERE {} AND {})").format(
                Identifier(other), Identifier(within), equal, render_sql(inner, other, within)
            )
            return found if clause.operator == "has" else SQL("NOT ") + found
        case "<" | "<=" | "=" if _is_number(value):
            # A count that was never written is 0.
            return SQL("coalesce({}, 0) {} {}").format(column, SQL(clause.operator), Literal(value))
        case _:
            return SQL("{} {} {}").format(column, SQL(clause.operator), Literal(value))
