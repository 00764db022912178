"""POST /api/incidents/{id}/publication: publish an incident on the public status page, or an update to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import PUBLISH_INCIDENT
from callwatch.reports.status_page.publications import publish
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.incidents.publication import Publication


def handle(request: Request, conn: AnyConnection) -> Publication:
    """Publish in the person's words; the page shows them with the monitor's next cycle."""
    given, now = request.read_json(), datetime.now(UTC)
    return publish(conn, request.path_parameters["id"], given, request.actor, get_settings(), now)


lambda_handler = endpoint(PUBLISH_INCIDENT, transaction=True)(handle)
