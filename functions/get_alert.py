"""GET /api/alerts/{id}: one alert with its timeline and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.serializers import load_alert_detail
from callwatch.api.http import Request
from callwatch.api.routes import GET_ALERT
from callwatch.db import connection
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import AlertDetail


def handle(request: Request) -> AlertDetail:
    """Return the alert, what happened to it, and which channels were notified."""
    with connection(statement_timeout_ms=5000) as conn:
        alert = load_alert_detail(conn, request.path_parameters["id"])
    return {**alert, "unknown": explain_nulls(alert)}


lambda_handler = endpoint(GET_ALERT)(handle)
