"""Words in another spelling than in the stage file, such as PENDING for pending: clauses do not match them.

Nothing else would see these rows, and a queue that a release writes in capitals would seem empty. Each word that a clause
compares has a census; a row in another spelling makes the counts of that word unknown, with the known part as the least.
"""

from collections.abc import Iterable, Iterator, Sequence

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.pipeline.queries.filter_dsl import TEXT, Clause
from callwatch.pipeline.queries.reading import Census, Reading
from callwatch.pipeline.queries.stage import Rows, StageFile
from callwatch.pipeline.queries.statements import Literal, NewestFirst, PrimaryKey, WordOf
from callwatch.pipeline.queries.states import is_unlisted, list_own_rows, list_words
from callwatch.pipeline.queries.words import fold, fold_column

# A release that spells a word in another way shows in the newest rows; reading all of a table of events would cost the product a
# scan a minute. A state of a stage is counted in all rows, with those that the stage file does not name.
_NEWEST = 10_000
_OF_NEWEST = """
    SELECT {column} AS word, 1 AS number, {key} AS key FROM {table} r {newest_first} LIMIT {newest}
"""
_OF_UNLISTED = """
    SELECT {column} AS word, count(*) AS number, min({key}) AS key FROM {table} r WHERE {unlisted} GROUP BY 1
"""
# Only words that the file does not name are folded, and in the second case each only once.
_SELECT = """
    SELECT {counts} FROM (SELECT {folded} AS folded, number, key FROM ({rows}) AS found WHERE word NOT IN ({words})) AS odd
"""
_ONE_WORD = """
    json_build_array(coalesce(sum(number) FILTER (WHERE folded = {folded}), 0), 0, 0, min(key) FILTER (WHERE folded = {folded}))
"""


def list_spelling_censuses(stages: StageFile) -> Iterator[Reading]:
    """One reading for each column whose words clauses compare, with a census for each word."""
    states = {(stage.table, stage.states.column): stage.states.words for stage in stages.stages if stage.states}
    for (table, column), words in states.items():
        if any(map(fold, words)):
            yield _count(table, column, words, _select_unlisted(table, column, words))
    compared: dict[tuple[str, str], set[str]] = {}
    for table, clause in _list_clauses(stages):
        if (table, clause.column) not in states:
            compared.setdefault((table, clause.column), set()).update(list_words(clause))
    events = stages.parts.get("items", {}).get("events")
    if events is not None:
        compared.setdefault((events["table"], events["type"]), set()).update(events["types"])
    for (table, column), named in sorted(compared.items()):
        if any(map(fold, named)):
            yield _count(table, column, sorted(named), _select_newest(table, column))


def name_spelling_doubts(table: str, where: Iterable[Clause]) -> tuple[str, ...]:
    """The censuses whose rows make counts by these clauses unknown."""
    return tuple(_name(table, clause.column, word) for clause in where for word in list_words(clause))


def _list_clauses(stages: StageFile) -> Iterator[tuple[str, Clause]]:
    """Each clause that compares words, with its table."""
    for stage in stages.stages:
        duration = Rows(stage.duration.table, stage.duration.where)
        parts = [part for part in (stage.path.result, stage.path.skipped) if part is not None]
        for rows in [*stage.rows.values(), *list_own_rows(stage), duration, *parts]:
            yield from _list_compared(rows.table, rows.where)
    for vendor in stages.vendors:
        for rows in [*vendor.ok, *(failures.rows for failures in vendor.failed)]:
            yield from _list_compared(rows.table, rows.where)


def _list_compared(table: str, where: Iterable[Clause]) -> Iterator[tuple[str, Clause]]:
    for clause in where:
        if clause.reads_other_table:
            other, _column, inner = clause.value
            yield from _list_compared(other, inner)
        elif list_words(clause):
            yield table, clause


def _count(table: str, column: str, words: Sequence[str], rows: Composable) -> Reading:
    """How many rows spell each word of a column in another way. rows: word, number and key of the rows that are looked at."""
    needs = {table: {column: TEXT}}
    folded = [word for word in words if fold(word)]
    parts = tuple(Reading(_name(table, column, word), needs, census=Census(table, column, word=word)) for word in folded)
    counts = [
        SQL(_ONE_WORD + " AS {name}").format(folded=Literal(fold(word)), name=Identifier(f"part_{number}"))
        for number, word in enumerate(folded)
    ]
    sql = SQL(_SELECT).format(
        counts=SQL(", ").join(counts),
        folded=fold_column(SQL("found.word")),
        rows=rows,
        words=SQL(", ").join(map(Literal, words)),
    )
    return Reading(f"spellings of {table} {column}", needs, sql, parts=parts)


def _select_unlisted(table: str, column: str, words: Sequence[str]) -> Composable:
    return SQL(_OF_UNLISTED).format(
        column=WordOf(table, column),
        key=PrimaryKey(table),
        table=Identifier(table),
        unlisted=is_unlisted(table, column, words),
    )


def _select_newest(table: str, column: str) -> Composable:
    return SQL(_OF_NEWEST).format(
        column=WordOf(table, column),
        key=PrimaryKey(table),
        table=Identifier(table),
        newest_first=NewestFirst(table),
        newest=Literal(_NEWEST),
    )


def _name(table: str, column: str, word: str) -> str:
    return f"spelling of {table} {column} {word}"
