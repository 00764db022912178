"""Looks at the product's tables before they are read: which exist, with which columns, of which types."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed

from callwatch.db import fetch_all
from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import ANY, KEY, NUMBER, TEXT, TIME, Needs
from callwatch.pipeline.queries.statements import (
    CastTo,
    KeyAmong,
    KeysEqual,
    Literal,
    NewestFirst,
    PrimaryKey,
    WordOf,
    name_column,
)

_LOOK = """
    SELECT t.name AS table_name, c.oid AS oid, a.attname AS column_name, format_type(a.atttypid, NULL) AS type,
           y.typcategory AS category, has_column_privilege(c.oid, a.attnum, 'SELECT') AS may_read,
           row_security_active(c.oid) AND NOT coalesce(p.shows_all, false) AS hides_rows,
           x.indrelid IS NOT NULL AS is_key
    FROM unnest(%s::text[]) AS t (name)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name))
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN (
        SELECT polrelid, bool_or(polpermissive AND shown) AND bool_and(polpermissive OR shown) AS shows_all
        FROM pg_policy CROSS JOIN LATERAL unnest(polroles) AS granted (role)
        CROSS JOIN LATERAL (SELECT coalesce(pg_get_expr(polqual, polrelid), 'true') = 'true' AS shown) e
        WHERE polcmd IN ('r', '*') AND (granted.role = 0 OR pg_has_role(granted.role, 'USAGE')) GROUP BY polrelid
    ) p ON p.polrelid = c.oid
    LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary AND x.indnatts = 1 AND x.indkey[0] = a.attnum
"""
# Keys of these types are shown; a text key may be a name or a phone number.
SHOWN_KEYS = ("uuid", "integer", "bigint", "smallint")
# A key of these types would equal no text, number or UUID, and each row would seem to lack its counterpart.
_NO_KEYS = ("bytea", "json", "jsonb")
_TIMES = ("timestamp with time zone", "timestamp without time zone")
_TEXTS = ("text", "character varying")
_WORDS = {TEXT: "a text", NUMBER: "a number", TIME: "a time", KEY: "a number, a text or a UUID"}
# A count of the rows that are left would pass for a count of all.
_HIDDEN = (
    "table {table} hides rows from the monitor's user by row level security; give it BYPASSRLS or a policy"
    " FOR SELECT USING (true)"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is: its type's name, and PostgreSQL's category of it. hides_rows: its table shows us only some rows."""

    type: str
    category: str
    may_read: bool
    is_key: bool = False
    hides_rows: bool = False

    def has_family(self, family: str) -> bool:
        """Whether figures that need this family can be read from it; times without a zone count as UTC."""
        if family == TIME:
            return self.type in _TIMES
        if family == KEY:
            return self.category in ("N", "S", "E", "U") and self.type not in _NO_KEYS
        return family == ANY or self.category in (("N",) if family == NUMBER else ("S", "E"))


Schema = Mapping[str, Mapping[str, Column]]
# A reason by (table, column or "" for the table).
Faults = Mapping[tuple[str, str], Reason]


def look(conn: AnyConnection, tables: Collection[str]) -> dict[str, dict[str, Column]]:
    """The columns of those of the tables that exist, by table."""
    found: dict[str, dict[str, Column]] = {}
    for row in fetch_all(conn, _LOOK, (sorted(tables),)):
        column = Column(row["type"], row["category"], row["may_read"], row["is_key"], row["hides_rows"])
        found.setdefault(row["table_name"], {})[row["column_name"]] = column
    return found


def find_faults(needs: Needs, schema: Schema) -> dict[tuple[str, str], Reason]:
    """What prevents a reading: a reason by (table, column or "" for the table)."""
    found: dict[tuple[str, str], Reason] = {}
    for table, columns in needs.items():
        known = schema.get(table)
        if known is None:
            found[table, ""] = Reason("missing", f"table {table} is missing")
        elif not any(column.may_read for column in known.values()):
            found[table, ""] = Reason("unavailable", f"table {table} must be readable by the monitor's user")
        elif any(column.hides_rows for column in known.values()):
            found[table, ""] = Reason("unavailable", _HIDDEN.format(table=table))
        else:
            found |= {(table, c): why for c, family in columns.items() if (why := _find_fault(table, c, family, known))}
    return found


def _find_fault(table: str, column: str, family: str, known: Mapping[str, Column]) -> Reason | None:
    if column not in known:
        return Reason("missing", f"column {table}.{column} is missing")
    if not known[column].may_read:
        return Reason("unavailable", f"column {table}.{column} must be readable by the monitor's user")
    if not known[column].has_family(family):
        found = known[column].type
        return Reason("unavailable", f"column {table}.{column} is {found} and must be {_WORDS[family]}")
    return None


_IS_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IS_WHOLE = re.compile(r"-?[0-9]{1,19}")
_WHOLE_NUMBERS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_UUID = Literal("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def bind(statement: Composable, schema: Schema) -> Composable:
    """The statement with its joins and keys as SQL, which depends on the types in the schema."""
    if isinstance(statement, Composed):
        return Composed([bind(part, schema) for part in statement.seq])
    if isinstance(statement, KeysEqual):
        return _compare_keys(statement, schema)
    if isinstance(statement, KeyAmong):
        return _find_key(statement, schema)
    if isinstance(statement, CastTo):
        # The type is PostgreSQL's own text of it.
        return bind(statement.value, schema) + SQL("::" + schema[statement.table][statement.column].type.replace("%", "%%"))
    if isinstance(statement, WordOf):
        column = name_column(statement.column, statement.alias)
        is_enum = schema[statement.table][statement.column].category == "E"
        return SQL("{}::text").format(column) if is_enum else column
    if isinstance(statement, NewestFirst):
        return _order_newest_first(statement, schema)
    return _select_key(statement, schema) if isinstance(statement, PrimaryKey) else statement


def _compare_keys(keys: KeysEqual, schema: Schema) -> Composable:
    """The looked-up side stays bare, so that its index serves whatever type the other has."""
    left, right = name_column(keys.column, keys.alias), name_column(keys.other_column, keys.other_alias)
    left_type, right_type = schema[keys.table][keys.column].type, schema[keys.other][keys.other_column].type
    if left_type == right_type:
        template = SQL("{left} = {right}")
    elif left_type == "uuid":
        template = SQL("{left} = CASE WHEN {right}::text ~ {uuid} THEN {right}::text::uuid END")
    else:
        template = SQL("{left} = {right}::text" if left_type in _TEXTS else "{left}::text = {right}::text")
    return template.format(left=left, right=right, uuid=_UUID)


def _find_key(key: KeyAmong, schema: Schema) -> Composable:
    """The key stays bare, so that its index serves."""
    kind = schema[key.table][key.column].type
    column: Composable = name_column(key.column, key.alias)
    if kind == "uuid":
        held = [text for text in key.texts if _IS_UUID.fullmatch(text)]
    elif kind in _WHOLE_NUMBERS:
        held = [text for text in key.texts if _IS_WHOLE.fullmatch(text) and abs(int(text)) < _WHOLE_NUMBERS[kind]]
    else:
        held, kind, column = list(key.texts), "text", column if kind in _TEXTS else SQL("{}::text").format(column)
    if not held:
        return SQL("false")
    return SQL("{} = ANY (ARRAY[{}]::{}[])").format(column, SQL(", ").join(map(Literal, held)), SQL(kind))


def _select_key(key: PrimaryKey, schema: Schema) -> Composable:
    """The primary key as text, or NULL if the table has none that may be shown."""
    columns = schema.get(key.table, {}).items()
    shown = (name for name, column in columns if column.is_key and column.type in SHOWN_KEYS and column.may_read)
    found = next(shown, None)
    return SQL("{}::text").format(name_column(found, key.alias)) if found else SQL("NULL::text")


def _order_newest_first(key: NewestFirst, schema: Schema) -> Composable:
    """The index of the key serves it, so that only the wanted rows are read."""
    columns = schema.get(key.table, {}).items()
    found = next((name for name, column in columns if column.is_key and column.type in _WHOLE_NUMBERS and column.may_read), None)
    return SQL("ORDER BY {} DESC").format(name_column(found, key.alias)) if found else SQL("")
