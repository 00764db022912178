"""Which keys of items may be shown: numbers and UUIDs. A text may be a name or a phone number, so its item's id is shown."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.sql import SQL, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import ANY
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.schema import SHOWN_KEYS
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.statements import KeyAmong, Literal, name_column

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_OF_A_KEY = 1_000


def is_showable(key: str, kind: str) -> bool:
    """Whether a key may be shown by the type of its column, or as a UUID by its look."""
    return kind in SHOWN_KEYS or bool(_UUID.fullmatch(key))


def read_shown_ids(
    conn: AnyConnection, now: datetime, stages: StageFile, keys: Mapping[str, str], column: str
) -> Mapping[str, str | Reason]:
    """The id to show for each key: the key itself, else the id of the item that has it; or why there is none.

    keys: the type of each key's column, by key.
    """
    found: dict[str, str | Reason] = {key: key for key, kind in keys.items() if is_showable(key, kind)}
    items = stages.parts.get("items")
    unknown = Reason("unavailable", f"{column} is a text, which is not shown, and no item has this key")
    for by in (items["id"], *items["keys"]) if items else ():
        left = sorted(set(keys) - set(found))
        if not left:
            break
        measured = Measured(now)
        read(conn, [_find_ids(items, by, left)], measured)
        rows = measured.rows.get("ids", [])
        found |= {row["key"]: row["id"] for row in rows if row["key"] in left and is_showable(row["id"], row["kind"])}
        unknown = measured.unknown.get("ids", unknown)
    return {key: found.get(key, unknown) for key in keys}


def _find_ids(items: Any, by: str, keys: Sequence[str]) -> Reading:
    template = """
        SELECT {by}::text AS key, {id}::text AS id, pg_typeof({id})::text AS kind
        FROM {table} r WHERE {is_wanted} LIMIT {limit}
    """
    sql = SQL(template).format(
        by=name_column(by),
        id=name_column(items["id"]),
        table=Identifier(items["table"]),
        is_wanted=KeyAmong(items["table"], by, tuple(keys)),
        limit=Literal(_MOST_OF_A_KEY),
    )
    return Reading("ids", {items["table"]: {items["id"]: ANY, by: ANY}}, sql, is_table=True)
