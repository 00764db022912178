"""GET /api/incidents/{id}/publication: what is published of an incident, and a draft for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_PUBLICATION
from callwatch.db import connection
from callwatch.reports.status_page.publications import load_publication
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Publication


def handle(request: Request) -> Publication:
    """Return both; published is null while nobody published the incident."""
    with connection(statement_timeout_ms=5000) as conn:
        return load_publication(conn, request.path_parameters["id"], get_settings())


lambda_handler = endpoint(GET_PUBLICATION)(handle)
