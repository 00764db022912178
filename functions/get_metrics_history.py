"""GET /api/metrics/history: time series of queues, errors, requests or services for the charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import parse_choice
from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_HISTORY
from callwatch.reports.history import BEFORE, METRICS, RANGES, history
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.history import History


def handle(request: Request) -> History:
    """`?metric=` queues (default), errors, requests, services; `?range=` 1h to 90d (default 24h); `?before=` now, 1d or 7d."""
    metric = parse_choice("metric", request.query.get("metric", "queues"), METRICS)
    range_name = parse_choice("range", request.query.get("range", "24h"), RANGES)
    before = parse_choice("before", request.query.get("before", "now"), BEFORE)
    return history(datetime.now(UTC), metric, range_name, BEFORE[before])


lambda_handler = endpoint(GET_METRICS_HISTORY)(handle)
