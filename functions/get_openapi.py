"""GET /api/openapi.json: the document that describes the API, generated from its shapes before a deployment."""

from __future__ import annotations

from callwatch.api.document import read_document
from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_OPENAPI
from callwatch.runtime.endpoint import endpoint


def handle(_request: Request) -> Response[str]:
    """Return the same document to every caller."""
    return Response(200, read_document())


lambda_handler = endpoint(GET_OPENAPI)(handle)
