"""POST /api/alerts/{id}/acknowledge: takes charge of an alert; it sends no reminders until it resolves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.actions import acknowledge
from callwatch.api.http import Request
from callwatch.api.routes import ACKNOWLEDGE_ALERT
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.alerts import AlertDetail


def handle(request: Request, conn: AnyConnection) -> AlertDetail:
    """Acknowledge the alert and return it."""
    alert_id, actor, now = request.path_parameters["id"], request.actor, datetime.now(UTC)
    alert = acknowledge(conn, alert_id, request.read_json(), actor, get_settings(), now)
    return {**alert, "unknown": explain_nulls(alert)}


lambda_handler = endpoint(ACKNOWLEDGE_ALERT, transaction=True)(handle)
