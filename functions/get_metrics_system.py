"""GET /api/metrics/system: this process, the database, the product's API."""

from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request
from callwatch.reports.system import system_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import VERSION, current, memory, runtime_platform, uptime_s


def handle(_request: Request) -> dict[str, Any]:
    """200 also while the database is down: its figures are null then."""
    own = {
        "uptime": round(uptime_s(), 1),
        "version": VERSION,
        "platform": runtime_platform(),
        "memory": memory(),
        "lambda": {
            "cold_start": current.is_cold_start,
            "memory_limit_mb": current.memory_limit_mb,
            "remaining_ms": current.remaining_ms(),
        },
    }
    return system_metrics(datetime.now(UTC), own)


lambda_handler = endpoint("viewer")(handle)
