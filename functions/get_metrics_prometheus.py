"""GET /api/metrics/prometheus: the same figures, for scrapers."""

from datetime import UTC, datetime

from callwatch.db import connection
from callwatch.db.unread import UNREAD
from callwatch.http import Request, Response
from callwatch.reports.health import health
from callwatch.reports.jobs import job_metrics
from callwatch.reports.pipeline import pipeline
from callwatch.reports.prometheus import exposition
from callwatch.reports.system import system_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import VERSION, current, memory, runtime_platform, uptime_s
from callwatch.settings import get_settings
from callwatch.tracker.stats import error_metrics


def handle(_request: Request) -> Response:
    """An unknown figure is absent. Services are as the monitor last found them: a scraper must not drive probes."""
    settings, now = get_settings(), datetime.now(UTC)
    own = {
        "uptime": round(uptime_s(), 1),
        "version": VERSION,
        "platform": runtime_platform(),
        "memory": memory(),
        "lambda": {"cold_start": current.is_cold_start, "memory_limit_mb": current.memory_limit_mb},
    }
    parts = {
        "health": health(settings, now, is_whole=False, own=own),
        "system": system_metrics(now, own),
        "jobs": job_metrics(settings, now),
        "pipeline": pipeline(settings, now),
    }
    try:
        with connection(statement_timeout_ms=5000) as conn:
            parts["errors"] = error_metrics(conn, now)
    except UNREAD:
        parts["errors"] = {}
    return Response(200, exposition(parts), {"content-type": "text/plain; version=0.0.4; charset=utf-8"})


lambda_handler = endpoint("viewer")(handle)
