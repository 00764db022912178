"""States in another spelling than in the stage file, such as PENDING for pending: clauses do not match them.

Nothing else would see these rows, and a queue that a release writes in capitals would seem empty. Each word that the clauses of a
stage compare has a census of the newest rows of the stage's table; a row in another spelling makes the counts of that word
unknown, with the known part as the least.
"""

from collections.abc import Iterable, Iterator

from psycopg2.sql import SQL, Identifier

from callwatch.pipeline.queries.filter_dsl import TEXT, Clause
from callwatch.pipeline.queries.reading import Census, Reading
from callwatch.pipeline.queries.stage import Rows, Stage
from callwatch.pipeline.queries.statements import Literal, NewestFirst, PrimaryKey, name_column

# A release that spells a state in another way shows in the newest rows; reading all would cost the product a scan a minute.
_NEWEST = 10_000
_TEMPLATE = """
    SELECT json_build_array(count(*), 0, 0, min(key)) AS value FROM (
        SELECT {column}::text AS state, {key} AS key FROM {table} r {newest_first} LIMIT {newest}
    ) AS newest WHERE lower(btrim(state)) = lower({word}) AND state <> {word}
"""


def list_spelling_censuses(stage: Stage) -> Iterator[Reading]:
    """One census for each word that a clause on the stage's own table compares."""
    found = {pair for rows in _walk(stage.rows.values()) if rows.table == stage.table for pair in _list_words(rows.where)}
    for column, word in sorted(found):
        sql = SQL(_TEMPLATE).format(
            column=name_column(column),
            key=PrimaryKey(stage.table),
            table=Identifier(stage.table),
            newest_first=NewestFirst(stage.table),
            newest=Literal(_NEWEST),
            word=Literal(word),
        )
        census = Census(stage.table, column, word=word)
        yield Reading(_name(stage.table, column, word), {stage.table: {column: TEXT}}, sql, census=census)


def name_spelling_doubts(table: str, where: Iterable[Clause]) -> tuple[str, ...]:
    """The censuses whose rows make counts by these clauses unknown."""
    return tuple(_name(table, column, word) for column, word in _list_words(where))


def _walk(given: Iterable[Rows]) -> Iterator[Rows]:
    for rows in given:
        yield rows
        if rows.otherwise:
            yield from _walk([rows.otherwise])


def _list_words(where: Iterable[Clause]) -> Iterator[tuple[str, str]]:
    for clause in where:
        if clause.operator == "=" and isinstance(clause.value, str):
            yield clause.column, clause.value
        elif clause.operator == "in":
            yield from ((clause.column, word) for word in clause.value)


def _name(table: str, column: str, word: str) -> str:
    return f"spelling of {table} {column} {word}"
