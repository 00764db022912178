"""GET /api/uptime: uptime by service, over windows and by UTC day."""

from datetime import UTC, datetime
from typing import Any

from callwatch.checks.registry import checks_of
from callwatch.checks.uptime import uptime
from callwatch.db import connection
from callwatch.http import Request
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(_request: Request) -> dict[str, Any]:
    """Windows without any check are null."""
    now = datetime.now(UTC)
    with connection(statement_timeout_ms=5000) as conn:
        services, unknown = uptime(conn, checks_of(get_settings()), now)
    return {"timestamp": now, "services": services, "unknown": unknown}


lambda_handler = endpoint("viewer")(handle)
