"""GET /api/pipeline?by=agency: the pipeline's figures by agency, those with the most calls first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from callwatch.client.measurement_errors import capture_measuring
from callwatch.db import product_connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.unreadable import explain_product_unread
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.reason import Reason
from callwatch.pipeline.product import measure
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.queries.time_bounds import read_time
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.tenants.figures import COUNTS, FRESHNESS, ByTenant, find_figures, measure_tenants, name_figure
from callwatch.pipeline.tenants.names import NOT_DESCRIBED, read_names
from callwatch.pipeline.tenants.silence import SILENT, count_by_tenant, expect_last_hour, list_steps
from callwatch.reports.missing_values import Unknown
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.agencies import AgencyFreshness, AgencyPipeline, AgencyStage

MAX_AGENCIES = 100
Figures = Mapping[str, tuple[ByTenant | None, Reason | None]]
_NOT_READ = (None, Reason("not_configured", "the stage file does not describe it"))
_NO_CALL = Reason("no_traffic", "no call in the last day")
_NO_HISTORY = Reason("no_traffic", "no earlier days can be compared with this hour")
_NO_AGENCY = Reason("none", "these rows name no agency")


def list_agencies(settings: Settings, now: datetime, unknown: Unknown) -> tuple[list[AgencyPipeline] | None, Reason | None]:
    """The figures of at most MAX_AGENCIES agencies; or None and the reason."""
    stages = get_stages(settings.stages_file)
    if "tenant" not in stages.parts.get("items", {}):
        return None, NOT_DESCRIBED
    try:
        with product_connection() as conn:
            return _read(conn, settings, now, stages, unknown)
    except DatabaseUnavailable as error:
        return None, explain_product_unread(error)


def _read(
    conn: AnyConnection, settings: Settings, now: datetime, stages: StageFile, unknown: Unknown
) -> tuple[list[AgencyPipeline] | None, Reason | None]:
    usual = measure(conn, now, settings.timezone, stages, lambda name: name.startswith("freshness"))
    measured = measure_tenants(conn, now, settings.timezone, stages)
    figures: Figures = {name: find_figures(measured, name) for name in (*measured.rows, *measured.unknown)}
    counts, why_none = figures.get(FRESHNESS, _NOT_READ)
    if all(rows is None for rows, _why in figures.values()):
        # Without the column of agencies no row is of any.
        conn.rollback()
        return None, why_none
    tenants = {tenant for rows, _why in figures.values() for tenant in rows or {}}
    shown = sorted(tenants, key=lambda tenant: (-(counts or {}).get(tenant, {}).get("items", 0), tenant))[:MAX_AGENCIES]
    names, why_no_name = read_names(conn, now, stages, [tenant for tenant in shown if tenant])
    conn.rollback()
    capture_measuring({**usual.errors, **measured.errors})
    expected = _expect(usual)
    found: list[AgencyPipeline] = []
    for index, tenant in enumerate(shown):
        path = f"agencies.{index}"
        found.append(
            {
                "agency": unknown.say(f"{path}.agency", tenant or None, _NO_AGENCY),
                "name": unknown.say(f"{path}.name", names.get(tenant), why_no_name if tenant else _NO_AGENCY),
                "stages": [
                    _describe_stage(stage, tenant, figures, f"{path}.stages.{number}", unknown)
                    for number, stage in enumerate(stages.stages)
                ],
                "freshness": _describe_freshness(tenant, now, figures, expected, f"{path}.freshness", unknown),
                "field_completeness": _describe_completeness(tenant, stages, figures, f"{path}.field_completeness", unknown),
            }
        )
    return found, None


def _expect(usual: Measured) -> Mapping[str, float | None]:
    """What each tenant usually has in this hour."""
    steps = list_steps(usual) if SILENT in usual.rows else []
    counts = count_by_tenant(usual.rows.get(SILENT, []), [len(days) for days in steps])
    return {tenant: expect_last_hour(days) for tenant, days in counts.items()}


def _describe_stage(stage: Stage, tenant: str, figures: Figures, path: str, unknown: Unknown) -> AgencyStage:
    counts: dict[str, int | None] = {}
    for figure in COUNTS:
        rows, why = figures.get(name_figure(stage, figure), _NOT_READ)
        # A tenant without a row among all rows has none.
        count = None if rows is None else rows.get(tenant, {}).get("count", 0)
        counts[figure] = unknown.say(f"{path}.{figure}", count, why)
    return cast("AgencyStage", {"name": stage.name, **counts})


def _describe_freshness(
    tenant: str, now: datetime, figures: Figures, expected: Mapping[str, float | None], path: str, unknown: Unknown
) -> AgencyFreshness:
    rows, why = figures.get(FRESHNESS, _NOT_READ)
    row = (rows or {}).get(tenant)
    last_at = read_time(row["last_s"], now) if row else None
    return {
        "last_call_at": unknown.say(f"{path}.last_call_at", last_at, why or _NO_CALL),
        "expected_per_hour": unknown.say(f"{path}.expected_per_hour", expected.get(tenant), _NO_HISTORY),
        "actual_last_hour": unknown.say(
            f"{path}.actual_last_hour", None if rows is None else row["last_hour"] if row else 0, why
        ),
    }


def _describe_completeness(
    tenant: str, stages: StageFile, figures: Figures, path: str, unknown: Unknown
) -> dict[str, float | None]:
    columns: Sequence[str] = stages.parts.get("completeness", {}).get("columns", ())
    found: dict[str, float | None] = {}
    for column in columns:
        rows, why = figures.get(f"tenant.completeness.{column}", _NOT_READ)
        found[column] = unknown.say(f"{path}.{column}", _compute_share(rows, tenant), why or _NO_CALL)
    return found


def _compute_share(rows: ByTenant | None, tenant: str) -> float | None:
    row = (rows or {}).get(tenant)
    return round(row["present"] / row["items"], 4) if row and row["items"] else None
