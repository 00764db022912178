"""GET /api/metrics/jobs: the product's queues, throughput and backlog."""

from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request
from callwatch.reports.jobs import job_metrics
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(_request: Request) -> dict[str, Any]:
    """Figures that cannot be read are null, each with its reason."""
    return job_metrics(get_settings(), datetime.now(UTC))


lambda_handler = endpoint("viewer")(handle)
