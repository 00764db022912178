"""Advice on indexes: which indexes of the stage file the product lacks, if its tables are large."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg2.sql import SQL

from callwatch.models.sample import Sample
from callwatch.pipeline.queries.described import AdvisedIndex
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import StageFile

INDEXES = "indexes"
# A smaller table is read in time without an index, if it is read in one scan: nobody needs to make one for it.
_ADVISED_FROM_BYTES = 32 * 1024 * 1024
# From a few thousand rows on, one scan costs less than many: a window that no index serves is a scan of its own.
_SCANNED_FROM_BYTES = 1024 * 1024
_SQL = SQL("""
    SELECT c.relname AS table_name, pg_relation_size(c.oid) AS bytes, i.relname AS name,
           pg_get_indexdef(x.indexrelid) AS definition
    FROM unnest(%(tables)s::text[]) AS t (name)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name))
    LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisvalid
    LEFT JOIN pg_class i ON i.oid = x.indexrelid
""")


def build_indexes_readings(stages: StageFile) -> list[Reading]:
    """The indexes of the tables with index advice: one reading, or none without advice."""
    tables = sorted({advised["table"] for advised in stages.indexes})
    return [Reading(INDEXES, {}, _SQL, is_table=True, params={"tables": tables})] if tables else []


def render_statement(advised: AdvisedIndex) -> str:
    """The statement that creates an advised index; it is shown, and never run."""
    where = f" WHERE {advised['where']}" if advised.get("where") else ""
    return f"CREATE INDEX CONCURRENTLY {advised['name']} ON {advised['table']} ({advised['on']}){where};"


def list_index_samples(stages: StageFile, measured: Measured) -> list[Sample]:
    """schema.index_missing for each advised index that a large table lacks."""
    return [
        Sample(
            "schema.index_missing", 1.0, None, {"table": advised["table"], "index": advised["name"]}, render_statement(advised)
        )
        for advised in _list_missing(stages, measured, _ADVISED_FROM_BYTES)
    ]


def find_without_index(stages: StageFile, measured: Measured) -> set[str]:
    """Tables without an advised index that are not tiny: one scan of such a table costs less than one per figure."""
    return {advised["table"] for advised in _list_missing(stages, measured, _SCANNED_FROM_BYTES)}


def _list_missing(stages: StageFile, measured: Measured, from_bytes: int) -> Iterator[AdvisedIndex]:
    """The advised indexes that tables of this size or more lack."""
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for row in measured.rows.get(INDEXES, []):
        by_table.setdefault(row["table_name"], []).append(row)
    for advised in stages.indexes:
        present = by_table.get(advised["table"], [])
        is_large = bool(present) and present[0]["bytes"] >= from_bytes
        if is_large and not any(_serves(row, advised) for row in present):
            yield advised


def _serves(row: Mapping[str, Any], advised: AdvisedIndex) -> bool:
    """Whether an index has that name, or the same leading columns and condition."""
    if row["name"] is None:
        return False
    if row["name"] == advised["name"]:
        return True
    columns, where = _split_definition(row["definition"])
    wanted, wanted_where = _normalize(advised["on"]), _normalize(advised.get("where", ""))
    return columns == wanted or columns.startswith(f"{wanted},") if where == wanted_where else False


def _split_definition(definition: str) -> tuple[str, str]:
    _head, _using, rest = definition.partition(" USING btree (")
    columns, _where, where = rest.partition(" WHERE ")
    columns = re.sub(r"\) (INCLUDE|WITH|NULLS) .*$", ")", columns)
    return _normalize(columns.removesuffix(")")), _normalize(where)


def _normalize(sql: str) -> str:
    """The definition without casts, parentheses, quotes of names and spaces: two spellings of the same index become equal."""
    return re.sub(r"::[a-z ]+(\[\])?|[()\s\"]", "", sql.lower())
