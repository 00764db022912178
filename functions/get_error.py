"""GET /api/errors/{id}: one error group, by its id or a fingerprint that maps to it."""

from datetime import UTC, datetime
from typing import Any

from callwatch.db import connection
from callwatch.http import Request
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.groups import group_detail


def handle(request: Request) -> dict[str, Any]:
    """With trend, history and its latest occurrences."""
    with connection(statement_timeout_ms=5000) as conn:
        return explained(group_detail(conn, request.path_parameters["id"], datetime.now(UTC), get_settings().retention_days))


lambda_handler = endpoint("viewer")(handle)
