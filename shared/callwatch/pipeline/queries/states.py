"""States of a stage's rows, and the rows whose state the stage file does not name.

No clause counts them, so a queue that a release sets to `paused`, to NULL or to an empty text would seem empty. They are a figure
of their own, by value.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import TEXT, Clause, list_needs, merge, render_sql
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Aggregate, Reading
from callwatch.pipeline.queries.stage import Rows, Stage, States
from callwatch.pipeline.queries.statements import Literal, WordOf, coalesce, join_all, name_column
from callwatch.pipeline.queries.words import READ_CHARACTERS, show_value

MAX_VALUES = 20
NO_STATES = Reason("not_recorded", "no column with words says in which state a row of the stage is")
_NONE_UNLISTED = Reason("none", "the stage file names the state of each row")


@dataclass(frozen=True, slots=True)
class UnlistedState:
    """A value that the stage file does not name, for people, and how many rows have it."""

    state: str
    rows: int


def add_states(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages with the column and the words of their states; stages of one table share the words of a column."""
    columns = {stage.name: _find_state_column(stage) for stage in stages}
    named: dict[tuple[str, str], set[str]] = {}
    for stage in stages:
        for clause in (clause for rows in list_own_rows(stage) for clause in rows.where):
            named.setdefault((stage.table, clause.column), set()).update(list_words(clause))
        if (column := columns[stage.name]) is not None:
            named[stage.table, column].update(stage.other_states)
    return tuple(
        stage
        if (column := columns[stage.name]) is None
        else replace(stage, states=States(column, tuple(sorted(named[stage.table, column]))))
        for stage in stages
    )


def list_words(clause: Clause) -> tuple[str, ...]:
    """The words that a clause compares a column with; none if it compares with anything else."""
    if clause.operator == "=" and isinstance(clause.value, str):
        return (clause.value,)
    return tuple(clause.value) if clause.operator == "in" else ()


def list_own_rows(stage: Stage) -> list[Rows]:
    """Every kind of rows in the stage's own table, substitutes and the rows of its duration included."""
    duration = Rows(stage.duration.table, stage.duration.where)
    return [rows for rows in _walk([*stage.rows.values(), duration]) if rows.table == stage.table and not rows.none]


def count_unlisted(stage: Stage) -> Reading:
    """The rows whose state the stage file does not name."""
    name = f"{stage.name}.unlisted"
    if stage.states is None:
        return Reading(name, none=NO_STATES)
    own = list_own_rows(stage)
    needs = merge({stage.table: {stage.states.column: TEXT}}, *(list_needs(stage.table, rows.where) for rows in own))
    aggregate = Aggregate(stage.table, SQL("count(*){filter}::float"), _select_unlisted(stage, stage.states))
    is_plain = not any(clause.reads_other_table for rows in own for clause in rows.where)
    return Reading(name, needs, aggregate.select(), aggregate=aggregate if is_plain else None, counted=aggregate)


def list_values(stage: Stage) -> Reading:
    """The most frequent of these states; read only where there are such rows."""
    counted = count_unlisted(stage)
    assert counted.counted is not None
    assert stage.states is not None
    template = """
        SELECT left({column}::text, {length}) AS state, count(*)::float AS rows FROM {table} r WHERE {condition}
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}
    """
    sql = SQL(template).format(
        column=name_column(stage.states.column),
        length=Literal(READ_CHARACTERS),
        table=Identifier(stage.table),
        condition=counted.counted.condition,
        most=Literal(MAX_VALUES),
    )
    return Reading(name_values(stage), counted.needs, sql, is_table=True)


def name_values(stage: Stage) -> str:
    """The name of the list of these states."""
    return f"{stage.name}.unlisted.states"


def read_unlisted(stage: Stage, measured: Measured) -> tuple[list[UnlistedState] | None, Reason | None]:
    """The states that the stage file does not name, the most frequent first; or None and the reason."""
    count = measured.get(f"{stage.name}.unlisted")
    if count is None:
        return None, measured.explain_unknown(f"{stage.name}.unlisted")
    if count == 0:
        return [], None
    rows = measured.rows.get(name_values(stage))
    if rows is None:
        return None, measured.unknown.get(name_values(stage), _NONE_UNLISTED)
    found: dict[str, int] = {}
    for row in rows:
        # Scrubbing may make two values one.
        state = show_value(row["state"])
        found[state] = found.get(state, 0) + round(row["rows"])
    return [UnlistedState(state, number) for state, number in found.items()], None


def is_unlisted(table: str, column: str, words: Sequence[str]) -> Composable:
    """Whether a column holds none of some words; a partial index with this condition serves it."""
    return SQL("({word} NOT IN ({words}) OR {column} IS NULL)").format(
        word=WordOf(table, column), column=name_column(column), words=SQL(", ").join(map(Literal, words))
    )


def _select_unlisted(stage: Stage, states: States) -> Composable:
    """Rows in none of the states, of those that pass the clauses that every kind of rows shares, and of no other kind."""
    own = list_own_rows(stage)
    shared = [clause for clause in own[0].where if list_words(clause) and all(clause in rows.where for rows in own)]
    others = [
        _select_kind(rows, stage.table)
        for rows in own
        if not any(clause.column == states.column and list_words(clause) for clause in rows.where)
    ]
    kept = [SQL("({}) IS NOT TRUE").format(condition) for condition in others]
    return join_all([is_unlisted(stage.table, states.column, states.words), render_sql(shared, stage.table), *kept])


def _select_kind(rows: Rows, table: str) -> Composable:
    dated = [SQL("{} IS NOT NULL").format(coalesce(rows.at))] if rows.at else []
    return join_all([render_sql(rows.where, table), *dated])


def _find_state_column(stage: Stage) -> str | None:
    """The column whose words tell the kinds of rows apart; a column that is compared with the same words everywhere does not."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for rows in list_own_rows(stage):
        for clause in rows.where:
            if words := list_words(clause):
                found.setdefault(clause.column, set()).add(tuple(sorted(words)))
    telling = [column for column in sorted(found) if len(found[column]) > 1]
    return max(telling, key=lambda column: len(found[column]), default=None)


def _walk(given: Iterable[Rows]) -> Iterator[Rows]:
    for rows in given:
        yield rows
        if rows.otherwise:
            yield from _walk([rows.otherwise])
