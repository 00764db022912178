"""Words in another spelling than in the stage file, such as PENDING for pending: clauses do not match them.

Nothing else would see these rows, and a queue that a release writes in capitals would seem empty. Each word that a clause
compares has a census; a row in another spelling makes the counts of that word unknown, with the known part as the least.
"""

from collections.abc import Iterable, Iterator

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.pipeline.queries.filter_dsl import TEXT, Clause
from callwatch.pipeline.queries.reading import Aggregate, Census, Reading
from callwatch.pipeline.queries.stage import Rows, StageFile
from callwatch.pipeline.queries.statements import Literal, NewestFirst, PrimaryKey, WordOf, name_column
from callwatch.pipeline.queries.states import is_unlisted, list_own_rows, list_words
from callwatch.pipeline.queries.words import fold, fold_column

# A release that spells a word in another way shows in the newest rows; reading all of a table of events would cost the product a
# scan a minute. A state of a stage is counted in all rows, with those that the stage file does not name.
_NEWEST = 10_000
_COUNTS = SQL("json_build_array(count(*){filter}, 0, 0, min({key}){filter})")
_OF_NEWEST = """
    SELECT {counts} FROM (SELECT {column} AS word, {folded} AS folded, {key} AS key FROM {table} r {newest_first}
                          LIMIT {newest}) AS newest WHERE word NOT IN ({words})
"""
_ONE_WORD = "json_build_array(count(*) FILTER (WHERE folded = {folded}), 0, 0, min(key) FILTER (WHERE folded = {folded}))"


def list_spelling_censuses(stages: StageFile) -> Iterator[Reading]:
    """One census for each word that a clause compares: of a stage's states by itself, of another column in one reading."""
    states = {(stage.table, stage.states.column): stage.states for stage in stages.stages if stage.states}
    for (table, column), known in states.items():
        yield from (_count_state(table, column, word, known.words) for word in known.words if fold(word))
    compared: dict[tuple[str, str], set[str]] = {}
    for table, clause in _list_clauses(stages):
        if (table, clause.column) not in states:
            compared.setdefault((table, clause.column), set()).update(list_words(clause))
    events = stages.parts.get("items", {}).get("events")
    if events is not None:
        compared.setdefault((events["table"], events["type"]), set()).update(events["types"])
    for (table, column), words in sorted(compared.items()):
        if any(map(fold, words)):
            yield _count_newest(table, column, sorted(words))


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
        if clause.operator in ("has", "has no"):
            other, _column, inner = clause.value
            yield from _list_compared(other, inner)
        elif list_words(clause):
            yield table, clause


def _count_state(table: str, column: str, word: str, words: tuple[str, ...]) -> Reading:
    """Rows of one state in another spelling: some of those whose state is not listed, which an index holds."""
    unlisted = is_unlisted(table, column, words)
    # Only rows that are not listed are folded, whatever the planner evaluates first.
    template = "{unlisted} AND CASE WHEN {unlisted} THEN {folded} = {word} END"
    condition = SQL(template).format(unlisted=unlisted, folded=fold_column(name_column(column)), word=Literal(fold(word)))
    aggregate = Aggregate(table, _COUNTS, condition, {"key": PrimaryKey(table)})
    census = Census(table, column, word=word)
    return Reading(_name(table, column, word), {table: {column: TEXT}}, aggregate.select(), aggregate=aggregate, census=census)


def _count_newest(table: str, column: str, words: list[str]) -> Reading:
    """The same for all words of a column at once, in the newest rows of its table."""
    needs = {table: {column: TEXT}}
    parts = tuple(
        Reading(_name(table, column, word), needs, census=Census(table, column, word=word)) for word in words if fold(word)
    )
    counts: list[Composable] = [
        SQL(_ONE_WORD + " AS {name}").format(folded=Literal(fold(word)), name=Identifier(f"part_{number}"))
        for number, word in enumerate(word for word in words if fold(word))
    ]
    sql = SQL(_OF_NEWEST).format(
        counts=SQL(", ").join(counts),
        column=WordOf(table, column),
        folded=fold_column(name_column(column)),
        key=PrimaryKey(table),
        table=Identifier(table),
        newest_first=NewestFirst(table),
        newest=Literal(_NEWEST),
        words=SQL(", ").join(map(Literal, words)),
    )
    return Reading(f"spellings of {table} {column}", needs, sql, parts=parts)


def _name(table: str, column: str, word: str) -> str:
    return f"spelling of {table} {column} {word}"
