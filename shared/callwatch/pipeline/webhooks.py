"""Webhooks that the product logged: how many it answered with 5xx, and for which kind of fault."""

from collections.abc import Mapping

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.queries.described import Webhooks
from callwatch.pipeline.queries.filter_dsl import NUMBER, TEXT, TIME
from callwatch.pipeline.queries.odd_rows import count_odd_rows
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import Rows
from callwatch.pipeline.queries.statements import Literal, name_column
from callwatch.pipeline.queries.time_bounds import compose_ago, compose_ahead, compose_newer_than

WEBHOOKS = "webhooks"
# If the window holds fewer, the newest ones are evaluated, as far back as this.
_NEWEST, _LOOK_BACK_S = 8, 6 * 3600
# One or two failures among a few webhooks are chance, whatever their share.
_MIN_FAILED = 3
# Database faults behind a 5xx, by SQLSTATE: recognized by the code or by PostgreSQL's words.
_FAULTS: Mapping[str, str] = {
    "22P02": r"\m22P02\M|invalid input syntax",
    "23502": r"\m23502\M|violates not-null",
    "42703": r"\m42703\M|column .{1,80} does not exist",
    "42P01": r"\m42P01\M|relation .{1,80} does not exist",
    "23505": r"\m23505\M|duplicate key",
    "timeout": r"time.?out|timed out|canceling statement",
}
# So many webhooks that one or two failures are a share that means nothing.
_MANY = 30
_TOO_FEW = Reason("no_traffic", "too few webhooks, or failures among them, to show that it is over")
_UNREAD = Reason("unavailable", "most of the webhooks have no status that can be read")


def build_webhook_readings(given: Webhooks) -> list[Reading]:
    """The webhooks of the window, and how many rows belong to none because their time is implausible."""
    odd = count_odd_rows(f"{WEBHOOKS}.odd", Rows(given["table"], at=(given["at"],)), (given["at"],))
    return [_count_webhooks(given), *([odd] if odd else [])]


def _count_webhooks(given: Webhooks) -> Reading:
    """Webhooks of the window, or the newest few: all, those without a readable status, those answered with 5xx, and their
    faults.
    """
    table, at, status, error = (given[key] for key in ("table", "at", "status", "error"))
    column = name_column(status)
    failed = SQL("{} BETWEEN 500 AND 599").format(column)
    is_read = SQL("coalesce({} BETWEEN 100 AND 599, false)").format(column)
    count = SQL("count(*) FILTER (WHERE {condition})::float AS {name}")
    columns = [
        count.format(condition=condition, name=Identifier(figure))
        for figure, condition in (("items", is_read), ("unread", SQL("NOT ") + is_read), ("failed", failed))
    ]
    is_fault = SQL("{failed} AND left({error}, 2000) ~* {pattern}")
    faults = [
        count.format(
            condition=is_fault.format(failed=failed, error=name_column(error), pattern=Literal(pattern)), name=Identifier(fault)
        )
        for fault, pattern in _FAULTS.items()
    ]
    select = SQL("SELECT {} FROM ({}) r")
    needs = {table: {at: TIME, status: NUMBER}}
    without_faults = select.format(SQL(", ").join(columns), _select_window(given, (status,)))
    otherwise = Reading(WEBHOOKS, needs, without_faults)
    full = {table: {**needs[table], error: TEXT}}
    sql = select.format(SQL(", ").join(columns + faults), _select_window(given, (status, error)))
    return Reading(WEBHOOKS, full, sql, otherwise=otherwise)


def _select_window(given: Webhooks, columns: tuple[str, ...]) -> Composable:
    # Of two times of which one is NULL, least() returns the other.
    template = """
        SELECT {columns} FROM {table} r
        WHERE {at} >= least({start}, (SELECT min(at) FROM (
                  SELECT {at} AS at FROM {table} r WHERE {is_recent} ORDER BY {at} DESC LIMIT {newest}) AS newest))
          AND {at} <= {end}
    """
    at = name_column(given["at"])
    return SQL(template).format(
        columns=SQL(", ").join(map(name_column, columns)),
        table=Identifier(given["table"]),
        at=at,
        start=compose_ago(given["window_s"]),
        is_recent=compose_newer_than(at, _LOOK_BACK_S),
        newest=Literal(_NEWEST),
        end=compose_ahead(),
    )


def list_webhook_samples(given: Webhooks, measured: Measured) -> list[Sample]:
    """webhooks.error_ratio: the share of 5xx; it abstains if there were too few webhooks or failures to evaluate."""
    items, failed = measured.get(f"{WEBHOOKS}.items"), measured.get(f"{WEBHOOKS}.failed")
    if items is None or failed is None:
        return [Sample("webhooks.error_ratio", None, measured.explain_unknown(f"{WEBHOOKS}.items"))]
    unread = measured.get(f"{WEBHOOKS}.unread") or 0.0
    if unread > items:
        return [Sample("webhooks.error_ratio", None, _UNREAD)]
    if items < given["at_least"] or (0 < failed < _MIN_FAILED and items < _MANY):
        return [Sample("webhooks.error_ratio", None, inconclusive=_TOO_FEW)]
    faults = [f"{count:.0f} x {fault}" for fault in _FAULTS if (count := measured.get(f"{WEBHOOKS}.{fault}"))]
    span = f"in {given['window_s'] // 60} min" if items > _NEWEST else "lately"
    detail = f"{failed:.0f} of {items:.0f} webhooks were answered with 5xx {span}"
    detail += f" ({', '.join(faults)})" if faults else ""
    return [Sample("webhooks.error_ratio", round(failed / items, 4), detail=detail)]
