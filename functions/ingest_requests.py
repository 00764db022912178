"""POST /api/requests: takes finished requests of the product, for rates and latencies by route."""

from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.http import Request, Response, unprocessable
from callwatch.requests.accept import MAX_ITEMS, Rejected, accept_request, request_messages
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.hostile_json import body_of

MAX_BODY_BYTES = 5 * 1024 * 1024


def handle(request: Request) -> Response:
    """202 with the ids of what was taken; 422 where every item was rejected."""
    given, _marks = body_of(request, MAX_BODY_BYTES)
    items = given if isinstance(given, list) else [given]
    if not 1 <= len(items) <= MAX_ITEMS:
        raise unprocessable("body", f"takes one request or a list of 1 to {MAX_ITEMS}")
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    rejected = []
    for index, item in enumerate(items):
        try:
            rows.append(accept_request(item, now))
        except Rejected as refusal:
            rejected.append({"index": index, "field": refusal.field, "message": str(refusal)})
    if rows:
        queue.send(get_settings().error_queue_url, list(request_messages(rows, _project_of(request), now)))
    body = {"accepted": len(rows), "ids": [row["request_id"] for row in rows], "rejected": rejected}
    return Response(202 if rows else 422, body)


def _project_of(request: Request) -> int:
    if request.role == "ingest":
        return int(request.actor.removeprefix("project:"))
    raw = request.query.get("project", "1")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise unprocessable("project", "takes the number of a project")
    return int(raw)


lambda_handler = endpoint("ingest")(handle)
