"""GET /api/metrics/prometheus: the metrics in the Prometheus text format, or as OpenMetrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_METRICS_PROMETHEUS
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD
from callwatch.db.ingest_queries.ingest_counts import find_hour
from callwatch.reports.health import build_reduced_health
from callwatch.reports.ingest import list_ingest_counts, split_reasons
from callwatch.reports.jobs import build_job_metrics
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.product import read_product
from callwatch.reports.prometheus.formats import OPENMETRICS_TYPE, TEXT_TYPE, accepts_openmetrics, render_exposition
from callwatch.reports.system import build_system_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import describe_process
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_INGEST_COUNTS = 200


def handle(request: Request) -> Response[str]:
    """Unknown figures are absent. Services are as the monitor last found them, because a scraper must not trigger probes."""
    settings, now = get_settings(), datetime.now(UTC)
    # One reading for all: where every table is locked, a second one would take longer than the function may.
    measured = read_product(settings, now)
    parts: dict[str, Mapping[str, object]] = {
        "health": build_reduced_health(settings, now),
        # The time that remains of one invocation is no metric.
        "system": build_system_metrics(now, describe_process(is_timed=False)),
        "jobs": build_job_metrics(settings, now, measured),
        "pipeline": build_pipeline(settings, now, measured=measured),
    }
    try:
        with connection(statement_timeout_ms=5000) as conn:
            parts["errors"] = read_error_metrics(conn, now)
            items, _position = list_ingest_counts(conn, find_hour(now - timedelta(hours=24)), None, None, _MOST_INGEST_COUNTS)
            parts["ingest"] = {"items": [split_reasons(item) for item in items]}
    except UNREAD:
        parts["errors"] = {}
    is_openmetrics = accepts_openmetrics(request.headers.get("accept", ""))
    headers = {"content-type": OPENMETRICS_TYPE if is_openmetrics else TEXT_TYPE, "vary": "accept"}
    return Response(200, render_exposition(parts, is_openmetrics), headers)


lambda_handler = endpoint(GET_METRICS_PROMETHEUS)(handle)
