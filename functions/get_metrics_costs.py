"""GET /api/metrics/costs: what calls cost, by service, model, agency and day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import parse_choice
from callwatch.api.http import Request
from callwatch.api.routes import GET_METRICS_COSTS
from callwatch.reports.items.costs import DAYS, build_costs
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.costs import Costs


def handle(request: Request) -> Costs:
    """`?range=` 1d to 90d (default 7d), in days of TIMEZONE."""
    return build_costs(get_settings(), datetime.now(UTC), parse_choice("range", request.query.get("range", "7d"), DAYS))


lambda_handler = endpoint(GET_METRICS_COSTS)(handle)
