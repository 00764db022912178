"""The statement that puts the rows of a state back. Callwatch shows it and never runs it: it only reads the product."""

from datetime import datetime

from psycopg2.sql import SQL, Composable, Composed, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.items.listing import find_count, find_kind
from callwatch.pipeline.queries.filter_dsl import ANY, Needs, merge
from callwatch.pipeline.queries.query_runner import Measured, choose, list_tables
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.schema import bind, find_faults, look
from callwatch.pipeline.queries.stage import Assignment, Remedy, Stage
from callwatch.pipeline.queries.statements import CastTo, Literal, name_column
from callwatch.pipeline.queries.time_bounds import Moment

_INSERT = "INSERT INTO {into} ({columns}) SELECT {values} FROM {table} AS r WHERE {condition} ON CONFLICT DO NOTHING"
_NONE = Reason("none", "items in this state need no remedy, or the stage file describes none")
_NO_ROWS = Reason("not_recorded", "the stage file does not describe these rows")


def compose_remedy(conn: AnyConnection, now: datetime, stage: Stage, state: str) -> str | Reason:
    """The statement for every row of a state, by the condition of its count; or why there is none.

    Raises DatabaseUnavailable if the connection breaks.
    """
    remedy = stage.remedies.get(find_kind(state))
    if remedy is None or remedy.none:
        return remedy.none if remedy and remedy.none else _NONE
    count = find_count(stage, state)
    schema = look(conn, {*list_tables(count), remedy.into or stage.table})
    measured = Measured(now)
    chosen = choose(count, schema, measured)
    if chosen is None or chosen.counted is None:
        return measured.explain_unknown(count.name) if chosen is None else _NO_ROWS
    missing = find_faults(_list_needs(remedy, chosen.counted.table), schema)
    if missing:
        return missing[min(missing)]
    statement = _bind_to_now(bind(_compose(remedy, chosen), schema))
    # Literals double a percent sign for parameters, of which none is left.
    return statement.as_string(conn).replace("%%", "%") + ";"


def _list_needs(remedy: Remedy, table: str) -> Needs:
    target = remedy.into or table
    written = {target: {assignment.column: ANY for assignment in remedy.assignments}}
    sources = {table: {assignment.source: ANY for assignment in remedy.assignments if assignment.source}}
    return merge({}, written, sources)


def _compose(remedy: Remedy, count: Reading) -> Composable:
    counted = count.counted
    assert counted is not None
    table = Identifier(counted.table)
    columns = [Identifier(assignment.column) for assignment in remedy.assignments]
    values = [CastTo(_render(each), remedy.into or counted.table, each.column) for each in remedy.assignments]
    if remedy.into:
        template = SQL(
            "INSERT INTO {into} ({columns}) SELECT {values} FROM {table} AS r WHERE {condition} ON CONFLICT DO NOTHING"
        )
        listed = SQL(", ").join(columns)
        into = Identifier(remedy.into)
        return template.format(into=into, columns=listed, values=SQL(", ").join(values), table=table, condition=counted.condition)
    given = [SQL("{} = {}").format(column, value) for column, value in zip(columns, values, strict=True)]
    template = SQL("UPDATE {table} AS r SET {given} WHERE {condition}")
    return template.format(table=table, given=SQL(", ").join(given), condition=counted.condition)


def _render(assignment: Assignment) -> Composable:
    if assignment.source:
        return name_column(assignment.source)
    if assignment.is_now:
        return SQL("now()")
    return SQL("NULL") if assignment.value is None else Literal(assignment.value)


def _bind_to_now(statement: Composable) -> Composable:
    """The statement with its times counted from the moment at which a person runs it."""
    if isinstance(statement, Composed):
        return Composed([_bind_to_now(part) for part in statement.seq])
    return _render_moment(statement) if isinstance(statement, Moment) else statement


def _render_moment(moment: Moment) -> Composable:
    sign = SQL("+" if moment.offset_s >= 0 else "-")
    return SQL("(now() {} interval {})").format(sign, Literal(f"{abs(moment.offset_s):.12g} seconds"))
