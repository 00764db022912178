"""Tenants as labels: the condition that finds a row's tenant, and the names of some of them."""

from collections.abc import Collection, Mapping
from datetime import datetime

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.described import Items
from callwatch.pipeline.queries.filter_dsl import ANY, KEY, TEXT, merge
from callwatch.pipeline.queries.labels import make_readable
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.statements import KeyAmong, KeysEqual, Literal, name_column
from callwatch.scrubbing.scrubber import scrub_text

# More tenants are not listed; those with the most items come first.
MAX_TENANTS = 200
NOT_DESCRIBED = Reason("not_configured", "the stage file does not say whose items they are")
_NO_NAMES = Reason("not_configured", "the stage file does not say where the names of agencies are")
_NO_NAME = Reason("none", "no agency has this id")


def label_tenant(text: str | None) -> str:
    """A tenant's id as a label without private data; empty if there is none."""
    return scrub_text(make_readable(text)) if text else ""


def find_tenant(items: Items, table: str, item: str | None, needs: dict[str, dict[str, str]]) -> Composable | None:
    """The tenant of a row as text, found through the item that the row is about; None if that is not described."""
    column = items["tenant"]
    if table == items["table"]:
        return name_own_tenant(items, needs)
    if item is None:
        return None
    keys = list(dict.fromkeys((items["id"], *items["keys"][:1])))
    merge(needs, {table: {item: KEY}, items["table"]: {column: ANY, **dict.fromkeys(keys, KEY)}})
    template = SQL("(SELECT left({column}::text, 100) FROM {items} i WHERE {equal} LIMIT 1)")
    found = [
        template.format(
            column=name_column(column, "i"),
            items=Identifier(items["table"]),
            equal=KeysEqual(items["table"], key, "i", table, item, "r"),
        )
        for key in keys
    ]
    return SQL("coalesce({})").format(SQL(", ").join(found)) if len(found) > 1 else found[0]


def name_own_tenant(items: Items, needs: dict[str, dict[str, str]]) -> Composable:
    """The tenant of an item's own row as text."""
    merge(needs, {items["table"]: {items["tenant"]: ANY}})
    return SQL("left({}::text, 100)").format(name_column(items["tenant"]))


def read_names(
    conn: AnyConnection, now: datetime, stages: StageFile, tenants: Collection[str]
) -> tuple[Mapping[str, str], Reason]:
    """The names of some tenants by id, in one statement; and why the others have none."""
    given = stages.parts.get("tenants")
    if given is None or not tenants:
        return {}, _NO_NAMES if given is None else _NO_NAME
    template = "SELECT {id}::text AS id, left({label}, 100) AS label FROM {table} r WHERE {is_wanted} LIMIT {limit}"
    sql = SQL(template).format(
        id=name_column(given["id"]),
        label=name_column(given["label"]),
        table=Identifier(given["table"]),
        is_wanted=KeyAmong(given["table"], given["id"], tuple(sorted(tenants)[:MAX_TENANTS])),
        limit=Literal(MAX_TENANTS),
    )
    measured = Measured(now)
    read(conn, [Reading("names", {given["table"]: {given["id"]: ANY, given["label"]: TEXT}}, sql, is_table=True)], measured)
    names = {row["id"]: make_readable(row["label"]) for row in measured.rows.get("names", []) if row["label"]}
    return names, measured.unknown.get("names", _NO_NAME)
