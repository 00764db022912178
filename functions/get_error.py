"""GET /api/errors/{id}: one error group, by its id or a fingerprint that maps to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_ERROR
from callwatch.db import connection
from callwatch.models.reason import Reason
from callwatch.reports.groups.error_groups import load_group_detail
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import ErrorGroupDetail


def handle(request: Request) -> ErrorGroupDetail:
    """Return the group with its trend, history and latest occurrences."""
    name, now = request.path_parameters["id"], datetime.now(UTC)
    unread: dict[str, Reason] = {}
    with connection(statement_timeout_ms=5000) as conn:
        group = load_group_detail(conn, name, now, get_settings().retention_days, unread)
    return {**group, "unknown": {**explain_nulls(group), **unread}}


lambda_handler = endpoint(GET_ERROR)(handle)
