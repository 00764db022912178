"""GET /api/overview: all that the first view needs in one response, with an ETag."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_OVERVIEW
from callwatch.reports.overview import build_overview
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.responses import respond_unless_known
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.overview import Overview


def handle(request: Request) -> Response[Overview | None]:
    """200 even while the database is down, which the body states; 304 if If-None-Match names the present content."""
    parts = build_overview(get_settings(), datetime.now(UTC))
    answer: Overview = {**parts, "caller": {"role": request.role, "actor": request.actor}}
    return respond_unless_known(request, answer)


lambda_handler = endpoint(GET_OVERVIEW)(handle)
