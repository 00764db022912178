"""Looks at the product's tables before they are read: which are there, with which columns, of which types."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from callwatch.db import fetch_all
from callwatch.db.connect import AnyConnection
from callwatch.pipeline.clauses import ANY, NUMBER, TEXT, TIME, Needs

_LOOK = """
    SELECT t.name AS table_name, c.oid AS oid, a.attname AS column_name, format_type(a.atttypid, NULL) AS type,
           y.typcategory AS category, has_column_privilege(c.oid, a.attnum, 'SELECT') AS may_read
    FROM unnest(%s::text[]) AS t (name)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name))
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
"""
_TIMES = ("timestamp with time zone", "timestamp without time zone")
_WORDS = {TEXT: "a text", NUMBER: "a number", TIME: "a time"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is: its type's name, and PostgreSQL's category of it."""

    type: str
    category: str
    may_read: bool

    def is_of(self, family: str) -> bool:
        """Whether figures that need this family can be read from it; times without a zone are taken as UTC."""
        if family == TIME:
            return self.type in _TIMES
        return family == ANY or self.category in (("N",) if family == NUMBER else ("S", "E"))


Schema = Mapping[str, Mapping[str, Column]]


def look(conn: AnyConnection, tables: Collection[str]) -> dict[str, dict[str, Column]]:
    """The columns of those tables that are there, by table."""
    found: dict[str, dict[str, Column]] = {}
    for row in fetch_all(conn, _LOOK, (sorted(tables),)):
        column = Column(row["type"], row["category"], row["may_read"])
        found.setdefault(row["table_name"], {})[row["column_name"]] = column
    return found


def faults(needs: Needs, schema: Schema) -> dict[tuple[str, str], str]:
    """What stands in the way of a reading: a reason by (table, column or "" for the table)."""
    found: dict[tuple[str, str], str] = {}
    for table, columns in needs.items():
        known = schema.get(table)
        if known is None:
            found[table, ""] = f"table {table} is missing"
        elif not any(column.may_read for column in known.values()):
            found[table, ""] = f"table {table} may not be read by the monitor's user"
        else:
            found |= {(table, c): why for c, family in columns.items() if (why := _fault(table, c, family, known))}
    return found


def _fault(table: str, column: str, family: str, known: Mapping[str, Column]) -> str | None:
    if column not in known:
        return f"column {table}.{column} is missing"
    if not known[column].may_read:
        return f"column {table}.{column} may not be read by the monitor's user"
    if not known[column].is_of(family):
        return f"column {table}.{column} is {known[column].type}, where {_WORDS[family]} is needed"
    return None


def types_of(schema: Schema) -> dict[str, dict[str, str]]:
    """The names of the types, by table and column."""
    return {table: {name: column.type for name, column in columns.items()} for table, columns in schema.items()}
