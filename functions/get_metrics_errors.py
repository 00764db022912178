"""GET /api/metrics/errors: statistics and trends of errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import read_number_filter, read_text_filter
from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_ERRORS
from callwatch.counters.errors import read_error_metrics, read_without_database
from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.error_queries.error_counts import Scope
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.error_metrics import ErrorMetrics


def handle(request: Request) -> ErrorMetrics:
    """Every project except the monitor's own, unless `?project=` names one; `?environment=` selects one environment."""
    now = datetime.now(UTC)
    scope: Scope = {
        "project_id": read_number_filter(request, "project"),
        "environment": read_text_filter(request, "environment"),
    }
    try:
        with connection(statement_timeout_ms=5000) as conn:
            return read_error_metrics(conn, now, scope)
    except UNREAD as error:
        return read_without_database(now, explain_unread(error))


lambda_handler = endpoint(GET_METRICS_ERRORS)(handle)
