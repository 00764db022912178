"""GET /api/calls/{id}: one call on its way through the product's stages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import GET_CALL
from callwatch.reports.items.one_call import load_call
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.items import Call


def handle(request: Request) -> Call:
    """Return the call with its state in each stage; it is found by any of its keys."""
    return load_call(get_settings(), datetime.now(UTC), request.path_parameters["id"])


lambda_handler = endpoint(GET_CALL)(handle)
