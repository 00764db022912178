"""GET /api/incidents/{id}/postmortem: the draft of a postmortem as Markdown."""

from __future__ import annotations

from datetime import UTC, datetime

from callwatch.alerts.incidents.postmortem import load_postmortem
from callwatch.api.filters import read_zone_filter
from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_POSTMORTEM
from callwatch.db import connection
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(request: Request) -> Response[str]:
    """`?timezone=` is the reader's IANA zone; TIMEZONE by default."""
    zone = read_zone_filter(request, "timezone") or get_settings().timezone
    with connection(statement_timeout_ms=5000) as conn:
        text = load_postmortem(conn, request.path_parameters["id"], datetime.now(UTC), zone)
    return Response(200, text, {"content-type": "text/markdown; charset=utf-8"})


lambda_handler = endpoint(GET_POSTMORTEM)(handle)
