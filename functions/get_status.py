"""GET /api/status: whether the product works, what is wrong, and the activity of the last hour."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_STATUS
from callwatch.reports.status import build_status
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import measure_uptime_s
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.status import Status


def handle(request: Request) -> Status:
    """200 even while the database is down, which the body states. `caller` is what the page's token may do."""
    parts = build_status(get_settings(), datetime.now(UTC), measure_uptime_s())
    return {**parts, "caller": {"role": request.role, "actor": request.actor}}


lambda_handler = endpoint(GET_STATUS)(handle)
