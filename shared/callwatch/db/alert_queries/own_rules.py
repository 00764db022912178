"""Rules that people make through the API, and their changes."""

from collections.abc import Mapping
from typing import TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_NOTE = """
    INSERT INTO callwatch.rule_history (rule_id, action, actor, reason, before, after) VALUES (%s, %s, %s, %s, %s, %s)
"""
# The history of all rules together is bounded: rules may be made and deleted without end.
_MAX_HISTORY = 20_000
_FORGET = """
    DELETE FROM callwatch.rule_history
    WHERE id <= (SELECT id FROM callwatch.rule_history ORDER BY id DESC OFFSET %s LIMIT 1)
"""


class OwnRuleRow(TypedDict):
    """An own rule as it is stored. definition: JSON text that a person or a defect may have damaged."""

    rule_id: str
    definition: str


class _Definition(TypedDict):
    definition: str


class _Count(TypedDict):
    count: int


def list_own_rules(conn: AnyConnection, most: int) -> list[OwnRuleRow]:
    """At most this many rules, by id."""
    statement = "SELECT rule_id, definition::text AS definition FROM callwatch.own_rules ORDER BY rule_id LIMIT %s"
    return fetch_all(conn, statement, (most,), OwnRuleRow)


def find_definition(conn: AnyConnection, rule_id: str) -> str | None:
    """The definition of a rule as JSON text; None if there is no such rule. The row is locked until the transaction ends."""
    statement = "SELECT definition::text AS definition FROM callwatch.own_rules WHERE rule_id = %s FOR UPDATE"
    row = fetch_one(conn, statement, (rule_id,), _Definition)
    return row["definition"] if row else None


def count_own_rules(conn: AnyConnection) -> int:
    """How many rules there are."""
    row = fetch_one(conn, "SELECT count(*) AS count FROM callwatch.own_rules", (), _Count)
    assert row is not None
    return row["count"]


def add_own_rule(conn: AnyConnection, rule_id: str, definition: Mapping[str, object], actor: str) -> bool:
    """Add a rule; False if there is one with this id. The caller commits."""
    statement = (
        "INSERT INTO callwatch.own_rules (rule_id, definition, created_by, changed_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (rule_id) DO NOTHING"
    )
    return execute(conn, statement, (rule_id, Json(dict(definition)), actor, actor)) == 1


def replace_own_rule(conn: AnyConnection, rule_id: str, definition: Mapping[str, object], actor: str) -> None:
    """Replace the definition of a rule. The caller commits."""
    statement = "UPDATE callwatch.own_rules SET definition = %s, changed_at = now(), changed_by = %s WHERE rule_id = %s"
    execute(conn, statement, (Json(dict(definition)), actor, rule_id))


def delete_own_rule(conn: AnyConnection, rule_id: str) -> None:
    """Delete a rule, and whether a person switched it off. The caller commits."""
    execute(conn, "DELETE FROM callwatch.own_rules WHERE rule_id = %s", (rule_id,))
    execute(conn, "DELETE FROM callwatch.rule_settings WHERE rule_id = %s", (rule_id,))


def note_change(
    conn: AnyConnection,
    rule_id: str,
    action: str,
    actor: str,
    reason: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    """Record what a person made of a rule: create, change or delete. The caller commits."""
    given = [None if definition is None else Json(dict(definition)) for definition in (before, after)]
    execute(conn, _NOTE, (rule_id, action, actor, reason, *given))
    execute(conn, _FORGET, (_MAX_HISTORY,))
