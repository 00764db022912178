"""GET /api/incidents/{id}: one incident with its timeline and notes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.incidents.serializers import load_incident_detail
from callwatch.api.http import Request
from callwatch.api.routes import GET_INCIDENT
from callwatch.db import connection
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import IncidentDetail


def handle(request: Request) -> IncidentDetail:
    """Return the incident, the alerts that belong to it, and what happened."""
    with connection(statement_timeout_ms=5000) as conn:
        incident, unknown = load_incident_detail(conn, request.path_parameters["id"], datetime.now(UTC))
    return {**incident, "unknown": explain_nulls(incident) | unknown}


lambda_handler = endpoint(GET_INCIDENT)(handle)
