"""POST /api/errors/{id}/{action}: resolve, ignore or reopen an error group."""

from datetime import UTC, datetime
from typing import Any

from callwatch.db import connection
from callwatch.http import Request
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.tracker.groups import act


def handle(request: Request) -> dict[str, Any]:
    """The group as it is now; who did it and why is kept in its history."""
    given = request.json()
    parameters = request.path_parameters
    with connection(statement_timeout_ms=5000) as conn:
        group = act(conn, parameters["id"], parameters["action"], given, request.actor, datetime.now(UTC))
        conn.commit()
    return explained(group)


lambda_handler = endpoint("admin")(handle)
