"""GET /api/metrics/jobs: the product's queues, throughput and backlog."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_JOBS
from callwatch.reports.jobs import build_job_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.jobs import JobMetrics


def handle(_request: Request) -> JobMetrics:
    """Figures that cannot be read are null, each with its reason."""
    return build_job_metrics(get_settings(), datetime.now(UTC))


lambda_handler = endpoint(GET_METRICS_JOBS)(handle)
