"""GET /api/incidents: incidents, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from callwatch.alerts.incidents.serializers import load_incidents
from callwatch.api.filters import read_choice_filter, read_pattern_filter, read_position, read_time_filter
from callwatch.api.http import Request, encode_cursor, read_page
from callwatch.api.routes import LIST_INCIDENTS
from callwatch.db import connection
from callwatch.db.incident_queries.incident_lists import IncidentFilters
from callwatch.models.alert import Level
from callwatch.models.incident import IncidentState
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import IncidentPage


def handle(request: Request) -> IncidentPage:
    """Filters: state level q since until."""
    page = read_page(request)
    filters = _read_filters(request, *read_position(page))
    with connection(statement_timeout_ms=5000) as conn:
        loaded, position = load_incidents(conn, filters, page.limit, datetime.now(UTC))
    cursor = encode_cursor(position) if position else None
    unknown = explain_nulls({"items": loaded.items}) | {f"items.{path}": why for path, why in loaded.unknown.items()}
    return {"items": loaded.items, "next_cursor": cursor, "unknown": unknown}


def _read_filters(request: Request, before_at: datetime | None, before_id: int | None) -> IncidentFilters:
    return {
        "state": read_choice_filter(request, "state", get_args(IncidentState)),
        "level": read_choice_filter(request, "level", get_args(Level)),
        "q": read_pattern_filter(request, "q"),
        "since": read_time_filter(request, "since"),
        "until": read_time_filter(request, "until"),
        "before_at": before_at,
        "before_id": before_id,
    }


lambda_handler = endpoint(LIST_INCIDENTS)(handle)
