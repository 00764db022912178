"""GET /api/uptime: uptime by service, over windows and by UTC day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_UPTIME
from callwatch.checks.registry import list_checks
from callwatch.checks.uptime import read_uptime
from callwatch.db import connection
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.uptime import UptimeReport


def handle(_request: Request) -> UptimeReport:
    """Windows without a check are null."""
    now = datetime.now(UTC)
    with connection(statement_timeout_ms=5000) as conn:
        services, unknown = read_uptime(conn, list_checks(get_settings()), now)
    return {"timestamp": now, "services": services, "unknown": unknown}


lambda_handler = endpoint(GET_UPTIME)(handle)
