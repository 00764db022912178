"""POST /api/incidents/{id}/{action}: take, release, note or resolve an incident."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.incidents.actions import act_on_incident
from callwatch.api.http import Request
from callwatch.api.routes import ACT_ON_INCIDENT
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.incidents.incident import IncidentDetail


def handle(request: Request, conn: AnyConnection) -> IncidentDetail:
    """Apply the action and return the incident; its timeline keeps the actor and the reason."""
    given, parameters = request.read_json(), request.path_parameters
    incident, unknown = act_on_incident(
        conn, parameters["id"], parameters["action"], given, request.actor, get_settings(), datetime.now(UTC)
    )
    return {**incident, "unknown": explain_nulls(incident) | unknown}


lambda_handler = endpoint(ACT_ON_INCIDENT, transaction=True)(handle)
