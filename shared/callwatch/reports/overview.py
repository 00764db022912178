"""The overview: all that the first view shows in one response, from the other reports. A part that fails costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from callwatch.alerts.incidents.cause_values import load_cause_values
from callwatch.alerts.incidents.serializers import Loaded, load_worst_incidents
from callwatch.counters.errors import read_error_metrics, read_without_database
from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.incident_queries.incident_lists import find_last_end
from callwatch.db.queries.check_results import read_service_states
from callwatch.models.reason import Reason
from callwatch.reports.groups.error_groups import list_worst_groups
from callwatch.reports.items.usual_rates import load_usual_rates
from callwatch.reports.missing_values import explain_nulls
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.product import read_product
from callwatch.reports.status import build_status
from callwatch.settings import Settings
from callwatch.tracker import error_tracker

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import ErrorGroup
    from callwatch.models.shapes.error_metrics import ErrorMetrics
    from callwatch.models.shapes.incidents.overview import (
        CauseValues,
        OverviewCheck,
        OverviewErrors,
        OverviewParts,
        OverviewStatus,
    )
    from callwatch.models.shapes.pipeline import Pipeline, PipelineFigures, UsualRate
    from callwatch.models.shapes.status import StatusParts

Part = TypeVar("Part")

_MAX_INCIDENTS = 20
_MAX_GROUPS = 8
_STATEMENT_MS = 3_000
_FAILED = Reason("unavailable", "reading it failed; the failure is recorded")
_OF_INCIDENTS = ("incidents", "open_incidents", "last_incident_ended_at", "cause_values")
_OF_STATUS = ("status", "issues", "services", "performance", "recent_activity", "monitor")


def build_overview(settings: Settings, now: datetime) -> OverviewParts:
    """Build the response of GET /api/overview; the product is read once for all parts.

    What changes with each request (latency, sessions, times of the last cycle and flush) is left out: no second response
    would be equal to the first.
    """
    unknown: dict[str, Reason] = {}
    measured = _attempt(("product",), lambda: read_product(settings, now), {})
    general = _attempt(_OF_STATUS, lambda: build_status(settings, now, 0.0, measured), unknown)
    stages = _attempt(("pipeline",), lambda: build_pipeline(settings, now, measured=measured), unknown)
    errors = _attempt(("errors",), lambda: _read_errors(now), unknown)
    incidents = _attempt(_OF_INCIDENTS, lambda: _read_incidents(now), unknown)
    groups = _attempt(("error_groups",), lambda: _read_groups(now), unknown)
    checks = _attempt(("checks",), _read_checks, unknown)
    values = _attempt(("cause_values",), lambda: _read_values(incidents, settings, now), unknown)
    usual = _attempt(("usual_rates",), lambda: _read_usual(settings, now), unknown)
    loaded, count, ended_at = incidents if incidents is not None else (None, None, None)
    unknown |= _explain(general, stages, errors, loaded, ended_at)
    unknown |= explain_nulls({"error_groups": groups or []})
    for name, part in (("cause_values", values), ("usual_rates", usual)):
        unknown |= {f"{name}.{path}": why for path, why in part[1].items()} if part is not None else {}
    whole: OverviewParts = {
        "timestamp": now,
        **_show_status(general),
        "incidents": loaded.items if loaded is not None else None,
        "open_incidents": count,
        "cause_values": values[0] if values is not None else None,
        "last_incident_ended_at": ended_at,
        "pipeline": _show_pipeline(stages) if stages is not None else None,
        "usual_rates": usual[0] if usual is not None else None,
        "errors": _show_errors(errors) if errors is not None else None,
        "error_groups": groups,
        "checks": checks,
        "unknown": {},
    }
    whole["unknown"] = {path: why for path, why in unknown.items() if _is_null(whole, path)}
    return whole


def _is_null(body: object, path: str) -> bool:
    """Whether the value at a dotted path is there, and None."""
    for name in path.split("."):
        if isinstance(body, Mapping) and name in body:
            body = body[name]
        elif isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        else:
            return False
    return body is None


def _attempt(names: tuple[str, ...], read: Callable[[], Part], unknown: dict[str, Reason]) -> Part | None:
    """Return what `read` returns; None if that fails, with the reason under the names of its parts."""
    try:
        return read()
    except UNREAD as error:
        why = explain_unread(error)
    except Exception as error:
        error_tracker.track_error(error, context={"endpoint": f"overview.{names[0]}"})
        why = _FAILED
    unknown |= dict.fromkeys(names, why)
    return None


def _read_errors(now: datetime) -> ErrorMetrics:
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            return read_error_metrics(conn, now)
    except UNREAD as error:
        return read_without_database(now, explain_unread(error))


def _read_incidents(now: datetime) -> tuple[Loaded, int, datetime | None]:
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        return *load_worst_incidents(conn, _MAX_INCIDENTS, now), find_last_end(conn)


def _read_values(
    incidents: tuple[Loaded, int, datetime | None] | None, settings: Settings, now: datetime
) -> tuple[list[CauseValues], dict[str, Reason]] | None:
    if incidents is None:
        return None
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        return load_cause_values(conn, incidents[0].items, settings, now)


def _read_usual(settings: Settings, now: datetime) -> tuple[dict[str, UsualRate | None], dict[str, Reason]]:
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        return load_usual_rates(conn, settings, now)


def _read_groups(now: datetime) -> list[ErrorGroup]:
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        return list_worst_groups(conn, _MAX_GROUPS, now)


def _read_checks() -> dict[str, OverviewCheck]:
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        return {
            name: {"status": state["status"], "reason": state["reason"], "since": state["since"]}
            for name, state in read_service_states(conn).items()
        }


def _explain(
    general: StatusParts | None,
    stages: Pipeline | None,
    errors: ErrorMetrics | None,
    loaded: Loaded | None,
    ended_at: datetime | None,
) -> dict[str, Reason]:
    """Return why figures of the parts are None, by their paths in the whole."""
    found: dict[str, Reason] = dict(general["unknown"]) if general is not None else {}
    for name, part in (("pipeline", stages), ("errors", errors)):
        if part is not None:
            found |= {f"{name}.{path}": why for path, why in part["unknown"].items()}
    if loaded is not None:
        found |= explain_nulls({"incidents": loaded.items, "last_incident_ended_at": ended_at}) | {
            f"incidents.{path}": why for path, why in loaded.unknown.items()
        }
    return found


def _show_status(general: StatusParts | None) -> OverviewStatus:
    if general is None:
        return {
            "status": None,
            "issues": None,
            "services": None,
            "performance": None,
            "recent_activity": None,
            "monitor": None,
        }
    services, monitor = general["services"], general["monitor"]
    return {
        "status": general["status"],
        "issues": general["issues"],
        "services": {
            "database": {"status": services["database"]["status"]},
            "queues": services["queues"],
            "external_apis": services["external_apis"],
        },
        "performance": {
            **general["performance"],
            "requests_per_minute": _round_figures(general["performance"]["requests_per_minute"]),
        },
        "recent_activity": general["recent_activity"],
        "monitor": {"is_late": monitor["is_late"], "not_evaluated_since": monitor["not_evaluated_since"]},
    }


def _round_figures(value: float | None) -> float | None:
    """Return two significant digits: the rate is counted until now, so that the rest changes with each request."""
    return None if value is None else float(f"{value:.2g}")


def _show_pipeline(stages: Pipeline) -> PipelineFigures:
    return {
        "stages": stages["stages"],
        "freshness": stages["freshness"],
        "recording_availability": stages["recording_availability"],
        "field_completeness": stages["field_completeness"],
        "field_completeness_by_source": stages["field_completeness_by_source"],
        "crons": stages["crons"],
        "odd_rows": stages["odd_rows"],
        "misspelled": stages["misspelled"],
    }


def _show_errors(errors: ErrorMetrics) -> OverviewErrors:
    summary = errors["summary"]
    return {
        "summary": {
            "total_24h": summary["total_24h"],
            "total_1h": summary["total_1h"],
            "critical": summary["critical"],
            "high": summary["high"],
            "medium": summary["medium"],
            "low": summary["low"],
            "unresolved": summary["unresolved"],
            "buffer_size": summary["buffer_size"],
            "occurred_24h": summary["occurred_24h"],
            "occurred_1h": summary["occurred_1h"],
        },
        "by_category": errors["by_category"],
        "top_errors": errors["top_errors"],
        "trends": errors["trends"],
    }
