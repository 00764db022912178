"""GET /api/pipeline/{stage}/items: the items behind a count of a stage, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request, read_page
from callwatch.api.routes import LIST_STAGE_ITEMS
from callwatch.reports.items.listing import list_stage_items
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.items import StageItemPage


def handle(request: Request) -> StageItemPage:
    """`?state=` names the count."""
    stage, state = request.path_parameters["stage"], request.query.get("state")
    return list_stage_items(get_settings(), datetime.now(UTC), stage, state, read_page(request))


lambda_handler = endpoint(LIST_STAGE_ITEMS)(handle)
