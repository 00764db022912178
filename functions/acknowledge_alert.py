"""POST /api/alerts/{id}/acknowledge: somebody takes care of it; no reminders until it resolves."""

from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.act import acknowledge
from callwatch.db import connection
from callwatch.http import Request
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(request: Request) -> dict[str, Any]:
    """The alert as it is now."""
    given = request.json()
    with connection(statement_timeout_ms=5000) as conn:
        alert = acknowledge(conn, request.path_parameters["id"], given, request.actor, get_settings(), datetime.now(UTC))
        conn.commit()
    return explained(alert)


lambda_handler = endpoint("admin")(handle)
