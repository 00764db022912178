"""GET /api/metrics/errors: statistics and trends of errors."""

from datetime import UTC, datetime
from typing import Any

from callwatch.db import connection
from callwatch.db.unread import UNREAD, why_unread
from callwatch.http import Request
from callwatch.http_filters import number_filter, text_filter
from callwatch.runtime.endpoint import endpoint
from callwatch.tracker.stats import buffered, error_metrics

_SUMMARY = ("total_24h", "total_1h", "critical", "high", "medium", "low", "unresolved", "last_flush")
_PARTS = ("by_category", "by_endpoint", "recent_critical", "top_errors", "trends")


def handle(request: Request) -> dict[str, Any]:
    """Every project but the monitor's own, unless `?project=`; one environment by `?environment=`."""
    now = datetime.now(UTC)
    scope = {"project_id": number_filter(request, "project"), "environment": text_filter(request, "environment")}
    try:
        with connection(statement_timeout_ms=5000) as conn:
            return {"timestamp": now, **error_metrics(conn, now, scope)}
    except UNREAD as error:
        return {"timestamp": now, **_without_database(why_unread(error))}


def _without_database(why: str) -> dict[str, Any]:
    """What is known without the database: how much waits in the queue."""
    size, reason = buffered()
    unknown = {f"summary.{name}": why for name in _SUMMARY} | dict.fromkeys(_PARTS, why)
    if reason:
        unknown["summary.buffer_size"] = reason
    summary = {**dict.fromkeys(_SUMMARY), "buffer_size": size}
    return {"summary": summary, **dict.fromkeys(_PARTS), "unknown": unknown}


lambda_handler = endpoint("viewer")(handle)
