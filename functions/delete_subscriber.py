"""DELETE /api/status-page/subscribers/{id}: removes a subscriber of the public status page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import DELETE_SUBSCRIBER
from callwatch.reports.status_page.subscribers import remove_subscriber
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """Remove it; what waits for it is not sent."""
    remove_subscriber(conn, request.path_parameters["id"])


lambda_handler = endpoint(DELETE_SUBSCRIBER, transaction=True)(handle)
