"""GET /api/errors/{id}/occurrences/{event_id}: one occurrence of an error, with its neighbors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_OCCURRENCE
from callwatch.db import connection
from callwatch.models.reason import Reason
from callwatch.reports.groups.error_groups import load_occurrence
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import OccurrenceDetail


def handle(request: Request) -> OccurrenceDetail:
    """Return the occurrence as it is stored: scrubbed."""
    name, event_id = request.path_parameters["id"], request.path_parameters["event_id"]
    unread: dict[str, Reason] = {}
    with connection(statement_timeout_ms=5000) as conn:
        found = load_occurrence(conn, name, event_id, datetime.now(UTC), get_settings().retention_days, unread)
    return {**found, "unknown": {**explain_nulls(found), **unread}}


lambda_handler = endpoint(GET_OCCURRENCE)(handle)
