"""POST /api/requests: takes finished requests of the product, for rates and latencies by route."""

from datetime import UTC, datetime

from callwatch import queue
from callwatch.http import Request, Response
from callwatch.http_batch import MAX_BODY_BYTES, accept_each, batch_answer, project_of
from callwatch.requests.accept import MAX_ITEMS, accept_request, request_messages
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.hostile_json import body_of


def handle(request: Request) -> Response:
    """202 with the ids of what was taken; 422 where every item was rejected."""
    given, _marks = body_of(request, MAX_BODY_BYTES)
    now = datetime.now(UTC)
    rows, rejected = accept_each(given, lambda item: accept_request(item, now), MAX_ITEMS, "request")
    if rows:
        queue.send(get_settings().error_queue_url, list(request_messages(rows, project_of(request), now)))
    return batch_answer([row["request_id"] for row in rows], rejected)


lambda_handler = endpoint("ingest")(handle)
