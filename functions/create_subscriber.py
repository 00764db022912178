"""POST /api/status-page/subscribers: notifies a URL of what people publish on the public status page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import CREATE_SUBSCRIBER
from callwatch.reports.status_page.subscribers import create_subscriber
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.reporting.subscribers import MadeSubscriber


def handle(request: Request, conn: AnyConnection) -> MadeSubscriber:
    """Return the subscriber with its secret, which no other response has."""
    return create_subscriber(conn, request.read_json(), request.actor, get_settings(), datetime.now(UTC))


lambda_handler = endpoint(CREATE_SUBSCRIBER, transaction=True)(handle)
