"""POST /api/routes/dry-run: where an alert would go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.routing.dry_run import try_routes
from callwatch.api.http import Request
from callwatch.api.routes import DRY_RUN_ROUTE
from callwatch.db import connection
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RouteDryRun


def handle(request: Request) -> RouteDryRun:
    """Nothing is stored or sent."""
    given = request.read_json()
    with connection(statement_timeout_ms=5000) as conn:
        found = try_routes(conn, given, get_settings(), datetime.now(UTC))
    return {**found, "unknown": explain_nulls(found)}


lambda_handler = endpoint(DRY_RUN_ROUTE)(handle)
