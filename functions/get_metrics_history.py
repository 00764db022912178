"""GET /api/metrics/history: time series of queues, errors, requests or services for the charts."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request, unprocessable
from callwatch.reports.history import METRICS, RANGES, history
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> dict[str, Any]:
    """`?metric=` queues (when left out), errors, requests, services; `?range=` 1h to 90d, 24h when left out."""
    metric = _one_of(request, "metric", METRICS, "queues")
    range_name = _one_of(request, "range", RANGES, "24h")
    return history(datetime.now(UTC), metric, range_name)


def _one_of(request: Request, name: str, allowed: Collection[str], default: str) -> str:
    given = request.query.get(name, default)
    if given not in allowed:
        raise unprocessable(name, f"takes one of {', '.join(allowed)}")
    return given


lambda_handler = endpoint("viewer")(handle)
