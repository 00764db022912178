"""GET /api/routes: the routes by which alerts are notified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.routing.show_routes import show_routes
from callwatch.api.http import Request
from callwatch.api.routes import LIST_ROUTES
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RoutePage


def handle(_request: Request) -> RoutePage:
    """The file is part of the deployment, so nothing is read from the database."""
    found = show_routes(get_settings())
    return {**found, "unknown": explain_nulls(found)}


lambda_handler = endpoint(LIST_ROUTES)(handle)
