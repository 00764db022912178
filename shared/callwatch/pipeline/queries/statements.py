"""The parts of statements on the product's tables, for psycopg2.sql, and those whose SQL depends on the schema.

`schema.bind` replaces the latter when the schema is known; until then a statement is data that nobody parses.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from psycopg2.sql import SQL, Composable, Composed, Identifier

TRUE = SQL("true")


class Literal(sql.Literal):  # type: ignore[type-arg]  # generic only in the stubs
    """A text or number; % is doubled, since statements have named parameters."""

    def as_string(self, context: Any) -> str:
        """The literal as SQL, quoted for a connection."""
        return super().as_string(context).replace("%", "%%")


class _Deferred(Composable):
    """A part that must be bound before it is SQL."""

    def as_string(self, _context: Any) -> str:
        """Raises TypeError, since the schema is not known."""
        raise TypeError(f"{self!r} must be bound to a schema")


@dataclass(frozen=True)
class KeysEqual(_Deferred):
    """The equality of two keys, whose types decide how they are compared; the first one is looked up."""

    table: str
    column: str
    alias: str
    other: str
    other_column: str
    other_alias: str


@dataclass(frozen=True)
class PrimaryKey(_Deferred):
    """The primary key of a row as text."""

    table: str
    alias: str = "r"


@dataclass(frozen=True)
class WordOf(_Deferred):
    """A column as clauses compare it with words; the values of an enum as text, since it does not accept each word."""

    table: str
    column: str
    alias: str = "r"


@dataclass(frozen=True)
class NewestFirst(_Deferred):
    """The ORDER BY that starts with the highest number of the primary key; nothing if the key is no number."""

    table: str
    alias: str = "r"


@dataclass(frozen=True)
class KeyAmong(_Deferred):
    """Whether a key is one of some texts, each of which counts only if the key's type can hold it."""

    table: str
    column: str
    texts: tuple[str, ...]
    alias: str = "r"


@dataclass(frozen=True)
class CastTo(_Deferred):
    """A value as the type of a column."""

    value: Composable
    table: str
    column: str


def name_column(column: str, alias: str = "r") -> Identifier:
    """A column of a row under an alias."""
    return Identifier(alias, column)


def coalesce(columns: tuple[str, ...], alias: str = "r") -> Composable:
    """The first of one or more columns that is not NULL."""
    named = [name_column(column, alias) for column in columns]
    return named[0] if len(named) == 1 else SQL("coalesce({})").format(SQL(", ").join(named))


def join_all(parts: Iterable[Composable]) -> Composable:
    """The conjunction of conditions; true if there are none."""
    given = list(parts)
    return SQL(" AND ").join(given) if given else TRUE


def walk(statement: Composable) -> Iterator[Composable]:
    """Every part of a statement that is not composed itself."""
    if isinstance(statement, Composed):
        for part in statement.seq:
            yield from walk(part)
    else:
        yield statement
