"""PUT /api/routes: replaces the routes of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.routing.own_route_changes import replace_own_routes
from callwatch.alerts.routing.show_routes import show_routes
from callwatch.api.http import Request
from callwatch.api.routes import CHANGE_ROUTES
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.alerting.routing import RoutePage


def handle(request: Request, conn: AnyConnection) -> RoutePage:
    """Return all routes; the next evaluation uses them."""
    settings = get_settings()
    replace_own_routes(conn, request.read_json(), request.actor, settings)
    found = show_routes(conn, settings)
    return {**found, "unknown": {**explain_nulls(found), **found["unknown"]}}


lambda_handler = endpoint(CHANGE_ROUTES, transaction=True)(handle)
