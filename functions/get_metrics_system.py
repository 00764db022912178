"""GET /api/metrics/system: this process, the database, the product's API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_SYSTEM
from callwatch.reports.system import build_system_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import describe_process

if TYPE_CHECKING:
    from callwatch.models.shapes.system import SystemMetrics


def handle(_request: Request) -> SystemMetrics:
    """200 even while the database is down; its figures are null then."""
    return build_system_metrics(datetime.now(UTC), describe_process())


lambda_handler = endpoint(GET_METRICS_SYSTEM)(handle)
