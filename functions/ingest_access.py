"""POST /api/access: accepts records of access to personal data; responds only after the queue accepted them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch import sqs
from callwatch.api.batch import MAX_BODY_BYTES, accept_each, build_batch_response, find_project
from callwatch.api.http import Request
from callwatch.api.routes import INGEST_ACCESS
from callwatch.ingest.access import accept_access
from callwatch.ingest.hostile_json import read_json
from callwatch.ingest.requests import build_request_messages
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import Accepted


def handle(request: Request) -> Accepted:
    """Return the ids of the accepted records, and what was rejected."""
    settings = get_settings()
    project_id = find_project(request, settings.ingest_keys or {})
    given, _marks = read_json(request, MAX_BODY_BYTES)
    now, key = datetime.now(UTC), settings.user_hash_key
    rows, rejected = accept_each(given, lambda item: accept_access(item, now, key), INGEST_ACCESS.most_items, "record")
    if rows:
        sqs.send(settings.error_queue_url, list(build_request_messages(rows, project_id, now, "access")))
    return build_batch_response([row["record_id"] for row in rows], rejected)


lambda_handler = endpoint(INGEST_ACCESS)(handle)
