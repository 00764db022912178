"""GET /api/pipeline: the product's stages, freshness and crons."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import read_choice_filter
from callwatch.api.http import Request
from callwatch.api.routes import GET_PIPELINE
from callwatch.reports.pipeline import build_pipeline
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.pipeline import Pipeline


def handle(request: Request) -> Pipeline:
    """Figures that cannot be read are null, each with its reason. `?by=agency` adds the figures by agency."""
    is_by_agency = read_choice_filter(request, "by", ("agency",)) is not None
    return build_pipeline(get_settings(), datetime.now(UTC), is_by_agency, has_forecasts=True)


lambda_handler = endpoint(GET_PIPELINE)(handle)
