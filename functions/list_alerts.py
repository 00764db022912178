"""GET /api/alerts: alerts, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from callwatch.alerts.serializers import load_alerts
from callwatch.api.filters import read_choice_filter, read_pattern_filter, read_position, read_text_filter, read_time_filter
from callwatch.api.http import Request, encode_cursor, read_page
from callwatch.api.routes import LIST_ALERTS
from callwatch.db import connection
from callwatch.db.alert_queries.alerts import AlertFilters
from callwatch.models.alert import AlertState, Level
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import AlertPage


def handle(request: Request) -> AlertPage:
    """Filters: state level rule_id q since until."""
    page = read_page(request)
    filters = _read_filters(request, *read_position(page))
    with connection(statement_timeout_ms=5000) as conn:
        items, position = load_alerts(conn, filters, page.limit, datetime.now(UTC))
    cursor = encode_cursor(position) if position else None
    return {"items": items, "next_cursor": cursor, "unknown": explain_nulls({"items": items})}


def _read_filters(request: Request, before_at: datetime | None, before_id: int | None) -> AlertFilters:
    return {
        "state": read_choice_filter(request, "state", get_args(AlertState)),
        "level": read_choice_filter(request, "level", get_args(Level)),
        "rule_id": read_text_filter(request, "rule_id"),
        "q": read_pattern_filter(request, "q"),
        "since": read_time_filter(request, "since"),
        "until": read_time_filter(request, "until"),
        "before_at": before_at,
        "before_id": before_id,
    }


lambda_handler = endpoint(LIST_ALERTS)(handle)
