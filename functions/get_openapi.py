"""GET /api/openapi.json: the document that describes the API, generated from the models."""

from typing import Any

from callwatch.http import Request
from callwatch.models.openapi import document
from callwatch.runtime.endpoint import endpoint


def handle(_request: Request) -> dict[str, Any]:
    """The same for everybody."""
    return document()


lambda_handler = endpoint(None)(handle)
