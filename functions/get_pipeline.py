"""GET /api/pipeline: the product's stages, its freshness, its crons."""

from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request
from callwatch.reports.pipeline import pipeline
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(_request: Request) -> dict[str, Any]:
    """Figures that cannot be read are null, each with its reason."""
    return pipeline(get_settings(), datetime.now(UTC))


lambda_handler = endpoint("viewer")(handle)
