"""GET /api/status-page/subscribers: who is notified of what people publish on the public status page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import LIST_SUBSCRIBERS
from callwatch.db import connection
from callwatch.reports.status_page.subscribers import load_subscribers
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.subscribers import SubscriberPage


def handle(_request: Request) -> SubscriberPage:
    """All on one page: there are at most 100."""
    with connection(statement_timeout_ms=5000) as conn:
        return load_subscribers(conn, datetime.now(UTC))


lambda_handler = endpoint(LIST_SUBSCRIBERS)(handle)
