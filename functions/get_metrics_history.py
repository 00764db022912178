"""GET /api/metrics/history: time series of queues, errors, requests, services or one route for the charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import parse_choice, read_text_filter
from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_HISTORY
from callwatch.exceptions import Invalid
from callwatch.reports.history import BEFORE, METRICS, RANGES, history
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.history import History, Metric

_METRICS: tuple[Metric, ...] = (*METRICS, "route")


def handle(request: Request) -> History:
    """`?metric=` queues (default), errors, requests, services, or route with `&route=`; `?range=` 1h to 90d (default 24h);
    `?before=` now, 1d or 7d.
    """
    metric = parse_choice("metric", request.query.get("metric", "queues"), _METRICS)
    route = read_text_filter(request, "route")
    if (metric == "route") != (route is not None):
        raise Invalid("route", "must be given with metric=route, and only with it")
    range_name = parse_choice("range", request.query.get("range", "24h"), RANGES)
    before = parse_choice("before", request.query.get("before", "now"), BEFORE)
    return history(datetime.now(UTC), metric, range_name, BEFORE[before], route)


lambda_handler = endpoint(GET_METRICS_HISTORY)(handle)
