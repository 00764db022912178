"""Advice on indexes: which of those in the stage file the product has not, and where it matters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from callwatch.models.facts import Fact
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Reading
from callwatch.pipeline.stage import StageFile

INDEXES = "indexes"
# Smaller tables are read as fast without an index.
_MATTERS_FROM_BYTES = 32 * 1024 * 1024
_SQL = """
    SELECT c.relname AS table_name, pg_relation_size(c.oid) AS bytes, i.relname AS name,
           pg_get_indexdef(x.indexrelid) AS definition
    FROM unnest(%(tables)s::text[]) AS t (name)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name))
    LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisvalid
    LEFT JOIN pg_class i ON i.oid = x.indexrelid
"""


def indexes_reading(stages: StageFile) -> list[Reading]:
    """The indexes of the tables that advice is given on: one reading, or none without advice."""
    tables = sorted({advised["table"] for advised in stages.indexes})
    return [Reading(INDEXES, {}, _SQL, is_table=True, params={"tables": tables})] if tables else []


def statement_of(advised: Mapping[str, str]) -> str:
    """The statement that makes an advised index; it is told, and never run."""
    where = f" WHERE {advised['where']}" if advised.get("where") else ""
    return f"CREATE INDEX CONCURRENTLY {advised['name']} ON {advised['table']} ({advised['on']}){where};"


def index_facts(stages: StageFile, measured: Measured) -> list[Fact]:
    """schema.index_missing for each advised index that a large table lacks."""
    return [
        Fact("schema.index_missing", 1.0, None, {"table": advised["table"], "index": advised["name"]}, statement_of(advised))
        for advised in _missing(stages, measured)
    ]


def without_index(stages: StageFile, measured: Measured) -> set[str]:
    """Large tables that lack an advised index: one scan of them costs less than one for each figure."""
    return {advised["table"] for advised in _missing(stages, measured)}


def _missing(stages: StageFile, measured: Measured) -> Iterator[Mapping[str, str]]:
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for row in measured.rows.get(INDEXES, []):
        by_table.setdefault(row["table_name"], []).append(row)
    for advised in stages.indexes:
        present = by_table.get(advised["table"], [])
        is_large = bool(present) and present[0]["bytes"] >= _MATTERS_FROM_BYTES
        if is_large and not any(_serves(row, advised) for row in present):
            yield advised


def _serves(row: Mapping[str, Any], advised: Mapping[str, str]) -> bool:
    """The index of that name, or one with the same leading columns and condition."""
    if row["name"] is None:
        return False
    if row["name"] == advised["name"]:
        return True
    columns, where = _parts(row["definition"])
    wanted, wanted_where = _plain(advised["on"]), _plain(advised.get("where", ""))
    return columns == wanted or columns.startswith(f"{wanted},") if where == wanted_where else False


def _parts(definition: str) -> tuple[str, str]:
    _head, _using, rest = definition.partition(" USING btree (")
    columns, _where, where = rest.partition(" WHERE ")
    columns = re.sub(r"\) (INCLUDE|WITH|NULLS) .*$", ")", columns)
    return _plain(columns.removesuffix(")")), _plain(where)


def _plain(sql: str) -> str:
    """Without casts, brackets, quotes of names and spaces: how two spellings of the same thing are told to be one."""
    return re.sub(r"::[a-z ]+(\[\])?|[()\s\"]", "", sql.lower())
