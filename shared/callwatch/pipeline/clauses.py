"""The clauses of a stage file: what they take, the columns they need, and the SQL they become.

A clause is a list: ["status", "=", "pending"], ["attempts", ">=", 3], ["type", "in", ["a", "b"]],
["processed_at", "is null"], ["started_at", "older than", 600] (seconds), ["call_id", "has no", "transcripts.call_id"].
Clauses of one list hold together.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# What a column must hold: its family, as schema.py tells it from the type.
TEXT, NUMBER, TIME, ANY = "text", "number", "time", "any"

Needs = Mapping[str, Mapping[str, str]]

_AGO = re.compile(r"%\(ago_([\d.]+)\)s")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_COMPARISONS = ("=", "<", "<=", ">", ">=")
_TAKES = 'a clause such as ["status", "=", "pending"] or ["started_at", "older than", 600]'


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause; `value` is a text, a number, a tuple of texts, seconds, or (table, column, clauses there)."""

    column: str
    operator: str
    value: Any = None


def name(value: Any, what: str = "a table or column") -> str:
    """A plain lower-case SQL name. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"the name of {what}, in lower case")
    return value


def clauses(raw: Any) -> tuple[Clause, ...]:
    """The clauses of a list. Raises ValueError whose text says what is taken."""
    if not isinstance(raw, list):
        raise ValueError(f"a list of clauses, each {_TAKES}")
    return tuple(_clause(item) for item in raw)


def _clause(raw: Any) -> Clause:
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
    if operator in ("older than", "newer than") and len(rest) == 1 and _is_number(rest[0]) and rest[0] >= 0:
        return Clause(column, operator, rest[0])
    if operator in ("has", "has no") and 1 <= len(rest) <= 2 and isinstance(rest[0], str):
        table, _dot, other = rest[0].partition(".")
        return Clause(column, operator, (name(table), name(other), clauses(rest[1]) if len(rest) == 2 else ()))
    raise ValueError(_TAKES)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def needs_of(table: str, given: Iterable[Clause]) -> dict[str, dict[str, str]]:
    """The columns that clauses on a table need, by table, each with its family."""
    found: dict[str, dict[str, str]] = {table: {}}
    for clause in given:
        if clause.operator in ("has", "has no"):
            other, column, inner = clause.value
            found[table].setdefault(clause.column, ANY)
            merge(found, {other: {column: ANY}}, needs_of(other, inner))
        else:
            merge(found, {table: {clause.column: _family(clause)}})
    return found


def merge(into: dict[str, dict[str, str]], *more: Needs) -> dict[str, dict[str, str]]:
    """Add needs to needs; a certain family outweighs any."""
    for needs in more:
        for table, columns in needs.items():
            known = into.setdefault(table, {})
            for column, family in columns.items():
                if known.get(column, ANY) == ANY:
                    known[column] = family
    return into


def _family(clause: Clause) -> str:
    if clause.operator in ("older than", "newer than"):
        return TIME
    if clause.operator in ("is null", "is not null"):
        return ANY
    return NUMBER if _is_number(clause.value) else TEXT


def sql_of(given: Iterable[Clause], table: str, alias: str = "r") -> str:
    """The condition as SQL on `table` under an alias; %(now)s stands for the time of the reading."""
    return " AND ".join(_sql(clause, table, alias) for clause in given) or "true"


def _sql(clause: Clause, table: str, alias: str) -> str:
    column, value = f'{alias}."{clause.column}"', clause.value
    match clause.operator:
        case "is null" | "is not null":
            return f"{column} {clause.operator.upper()}"
        case "older than":
            return f"{column} < {ago(value)}"
        case "newer than":
            return f"{column} >= {ago(value)}"
        case "in":
            return f"{column} IN ({', '.join(literal(item) for item in value)})"
        case "has" | "has no":
            other, key, inner = value
            within = f"alias_{alias}"
            equal = joined(other, key, within, table, clause.column, alias)
            found = f'SELECT FROM "{other}" {within} WHERE {equal} AND {sql_of(inner, other, within)}'
            return f"{'' if clause.operator == 'has' else 'NOT '}EXISTS ({found})"
        case "<" | "<=" | "=" if _is_number(value):
            # A count that was never written is none yet.
            return f"coalesce({column}, 0) {clause.operator} {literal(value)}"
        case _:
            return f"{column} {clause.operator} {literal(value)}"


def ago(seconds: float) -> str:
    """The time so many seconds before the reading, as SQL; `moments` gives its value.

    A constant, because PostgreSQL works a difference of times out anew for each row.
    """
    return f"%(ago_{seconds})s::timestamptz"


def moments(sql: str, now: datetime) -> dict[str, datetime]:
    """The times that a statement names by how long they are ago."""
    return {f"ago_{seconds}": now - timedelta(seconds=float(seconds)) for seconds in _AGO.findall(sql)}


def literal(value: str | float) -> str:
    """A text or number as SQL, safe inside a statement that takes named parameters."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''").replace("%", "%%") + "'"
    return repr(value)


def joined(table: str, column: str, alias: str, other: str, other_column: str, other_alias: str) -> str:
    """A mark for the equality of two keys; `with_joins` fills it in when their types are known."""
    return f"<{table}.{column}:{alias}={other}.{other_column}:{other_alias}>"


_JOIN = re.compile(r"<(\w+)\.(\w+):(\w+)=(\w+)\.(\w+):(\w+)>")
_UUID = "'^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'"


def with_joins(sql: str, types: Mapping[str, Mapping[str, str]]) -> str:
    """Fill in the marks: the looked-up side stays bare, so that its index serves whatever type the other has."""

    def fill(match: re.Match[str]) -> str:
        table, column, alias, other, other_column, other_alias = match.groups()
        left, right = f'{alias}."{column}"', f'{other_alias}."{other_column}"'
        left_type, right_type = types[table][column], types[other][other_column]
        if left_type == right_type:
            return f"{left} = {right}"
        if left_type == "uuid":
            return f"{left} = CASE WHEN {right}::text ~ {_UUID} THEN {right}::text::uuid END"
        return f"{left} = {right}::text" if left_type in ("text", "character varying") else f"{left}::text = {right}::text"

    return _JOIN.sub(fill, sql)
