"""POST /api/errors: takes one error or a list, puts them into the queue, and only then says so."""

from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.http import Request, Response
from callwatch.http_batch import MAX_BODY_BYTES, accept_each, batch_answer, project_of
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.accept import MAX_ITEMS, accept_error
from callwatch.tracker.event import error_message
from callwatch.tracker.hostile_json import body_of, marks_within


def handle(request: Request) -> Response:
    """202 with the ids of what was taken; 422 where every item was rejected."""
    given, marks = body_of(request, MAX_BODY_BYTES)
    now, user_key = datetime.now(UTC), get_settings().user_hash_key or ""
    events, rejected = accept_each(
        given, lambda item: accept_error(item, now, user_key, marks_within(item, marks)), MAX_ITEMS, "error"
    )
    _send(events, project_of(request), now)
    return batch_answer([event["event_id"] for event in events], rejected)


def _send(events: list[dict[str, Any]], project_id: int, now: datetime) -> None:
    settings = get_settings()
    for url, is_critical in ((settings.critical_queue_url, True), (settings.error_queue_url, False)):
        bodies = [error_message(event, project_id, now) for event in events if (event["severity"] == "critical") is is_critical]
        if bodies:
            queue.send(url, bodies)


lambda_handler = endpoint("ingest")(handle)
