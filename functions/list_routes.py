"""GET /api/routes: the routes by which alerts are notified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.routing.show_routes import show_known_routes, show_routes
from callwatch.api.http import Request
from callwatch.api.routes import LIST_ROUTES
from callwatch.db import connection
from callwatch.db.core.connect import extract_first_line
from callwatch.db.core.db_errors import is_failing
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RoutePage


def handle(_request: Request) -> RoutePage:
    """Without the database, the file is still known, and the routes of the page as they were read last."""
    settings = get_settings()
    try:
        with connection(statement_timeout_ms=5000) as conn:
            found = show_routes(conn, settings)
    except Exception as error:
        if not is_failing(error):
            raise
        found = show_known_routes(settings, extract_first_line(error))
    return {**found, "unknown": {**explain_nulls(found), **found["unknown"]}}


lambda_handler = endpoint(LIST_ROUTES)(handle)
