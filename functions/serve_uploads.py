"""GET, POST and PUT /api/0/{proxy+}: what sentry-cli calls for releases, deploys and source maps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from callwatch.api.http import Request, Response
from callwatch.api.routes import SERVE_UPLOADS
from callwatch.db import connection
from callwatch.runtime.endpoint import STATEMENT_TIMEOUT_MS, endpoint
from callwatch.settings import get_settings
from callwatch.uploads.paths import answer, answer_upload


def handle(request: Request) -> Response[Any]:
    """Answer as Sentry's API does, version 0."""
    settings = get_settings()
    uploaded = answer_upload(request, settings.source_maps_url)
    if uploaded is not None:
        return uploaded
    known = settings.ingest_keys or {}
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        response = answer(conn, request, known.keys(), datetime.now(UTC), settings.source_maps_url)
        conn.commit()
    return response


def _add_detail(_request: Request, response: Response[Any]) -> Response[Any]:
    """Say the error where sentry-cli looks for it, too."""
    return replace(response, body={**response.body, "detail": response.body["error"]["message"]})


lambda_handler = endpoint(SERVE_UPLOADS, shape_refusal=_add_detail)(handle)
