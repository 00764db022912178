"""The figures of a product by tenant: one statement for each figure, however many tenants there are."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from psycopg2.sql import SQL, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.items.listing import find_count, find_kind
from callwatch.pipeline.queries.described import Items
from callwatch.pipeline.queries.filter_dsl import ANY, TIME, merge
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.queries.stage_readings import DAY_S, HOUR_S
from callwatch.pipeline.queries.statements import Literal, name_column
from callwatch.pipeline.queries.time_bounds import compose_newer_than
from callwatch.pipeline.tenants.names import find_tenant, label_tenant, name_own_tenant

COUNTS = ("pending", "processing", "failed", "completed_last_hour", "stuck", "zombie", "dead", "orphan", "false_success")
FRESHNESS = "tenant.freshness"
# Rows of more tenants are cut, which makes the figure unknown for all: which ones are left out is chance.
_MAX_ROWS = 5_000
_CUT = Reason("unavailable", f"more than {_MAX_ROWS:,} agencies have a row")
_NO_ITEM = Reason("not_configured", "the stage file does not say which agency these rows belong to")

ByTenant = Mapping[str, Mapping[str, Any]]


def measure_tenants(conn: AnyConnection, now: datetime, timezone: str, stages: StageFile) -> Measured:
    """Read all figures by tenant. The caller ends the transaction."""
    measured = Measured(now, timezone)
    items = stages.parts["items"]
    readings = [_count(items, stage, figure) for stage in stages.stages for figure in COUNTS]
    read(conn, [*readings, *_list_freshness(items, stages), *_list_completeness(items, stages)], measured)
    return measured


def find_figures(measured: Measured, name: str) -> tuple[ByTenant | None, Reason | None]:
    """The rows of a figure by tenant, those that look alike merged; or None and the reason."""
    rows = measured.rows.get(name)
    if rows is None or len(rows) > _MAX_ROWS:
        return None, measured.explain_unknown(name) if rows is None else _CUT
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = found.setdefault(label_tenant(row["tenant"]), {})
        for column, value in row.items():
            if column == "last_s":
                known[column] = max(known.get(column) or value, value) if value is not None else known.get(column)
            elif column != "tenant":
                known[column] = known.get(column, 0) + value
    return found, None


def name_figure(stage: Stage, figure: str) -> str:
    """The name of a stage's count by tenant."""
    return f"tenant.{stage.name}.{figure}"


def _count(items: Items, stage: Stage, figure: str) -> Reading:
    item = stage.rows[find_kind(figure)].item or stage.path.item
    return _group(items, find_count(stage, figure), name_figure(stage, figure), item)


def _group(items: Items, count: Reading, name: str, item: str | None) -> Reading:
    """The rows of a count by tenant: by the condition of the count itself."""
    counted = count.counted
    if counted is None:
        return Reading(name, none=count.none)
    needs = merge({}, count.needs)
    tenant = find_tenant(items, counted.table, item, needs)
    if tenant is None:
        return Reading(name, none=_NO_ITEM)
    sql = SQL(
        "SELECT {tenant} AS tenant, count(*)::int AS count FROM {table} r WHERE {condition} GROUP BY 1 LIMIT {limit}"
    ).format(tenant=tenant, table=Identifier(counted.table), condition=counted.condition, limit=Literal(_MAX_ROWS + 1))
    otherwise = _group(items, count.otherwise, name, item) if count.otherwise else None
    return Reading(name, needs, sql, is_table=True, otherwise=otherwise)


def _list_freshness(items: Items, stages: StageFile) -> Iterator[Reading]:
    given = stages.parts.get("freshness")
    if given is None or given["table"] != items["table"]:
        return
    at = name_column(given["at"])
    needs = {given["table"]: {given["at"]: TIME}}
    template = """
        SELECT {tenant} AS tenant, extract(epoch FROM max({at}))::float AS last_s, count(*)::int AS items,
               count(*) FILTER (WHERE {is_new})::int AS last_hour
        FROM {table} r WHERE {is_recent} GROUP BY 1 LIMIT {limit}
    """
    sql = SQL(template).format(
        tenant=name_own_tenant(items, needs),
        at=at,
        is_new=compose_newer_than(at, HOUR_S),
        is_recent=compose_newer_than(at, DAY_S),
        table=Identifier(given["table"]),
        limit=Literal(_MAX_ROWS + 1),
    )
    yield Reading(FRESHNESS, needs, sql, is_table=True)


def _list_completeness(items: Items, stages: StageFile) -> Iterator[Reading]:
    """How many of the last day's items each tenant has, and how many have each key field."""
    given = stages.parts.get("completeness")
    if given is None or given["table"] != items["table"]:
        return
    for column in given["columns"]:
        needs: dict[str, dict[str, str]] = {given["table"]: {given["at"]: TIME, column: ANY}}
        template = """
            SELECT {tenant} AS tenant, count(*)::int AS items, count({column})::int AS present
            FROM {table} r WHERE {is_recent} GROUP BY 1 LIMIT {limit}
        """
        sql = SQL(template).format(
            tenant=name_own_tenant(items, needs),
            column=name_column(column),
            table=Identifier(given["table"]),
            is_recent=compose_newer_than(name_column(given["at"]), DAY_S),
            limit=Literal(_MAX_ROWS + 1),
        )
        yield Reading(f"tenant.completeness.{column}", needs, sql, is_table=True)
