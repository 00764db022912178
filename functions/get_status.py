"""GET /api/status: is it working, what is wrong, what happened in the last hour."""

from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request
from callwatch.reports.status import status
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import uptime_s
from callwatch.settings import get_settings


def handle(request: Request) -> dict[str, Any]:
    """200 also while the database is down: the answer says so. `caller` tells the page what its token may do."""
    caller = {"role": request.role, "actor": request.actor}
    return {**status(get_settings(), datetime.now(UTC), uptime_s()), "caller": caller}


lambda_handler = endpoint("viewer")(handle)
