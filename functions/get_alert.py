"""GET /api/alerts/{id}: one alert with its timeline and deliveries."""

from typing import Any

from callwatch.alerts.show import alert_detail
from callwatch.db import connection
from callwatch.http import Request
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> dict[str, Any]:
    """What happened to it, and to whom it was told."""
    with connection(statement_timeout_ms=5000) as conn:
        return explained(alert_detail(conn, request.path_parameters["id"]))


lambda_handler = endpoint("viewer")(handle)
