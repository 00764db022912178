"""POST /api/errors: takes one error or a list, puts them into the queue, and only then says so."""

from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.http import Request, Response, unprocessable
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.accept import MAX_ITEMS, Rejected, accept_error
from callwatch.tracker.event import error_message
from callwatch.tracker.hostile_json import body_of, marks_within

MAX_BODY_BYTES = 5 * 1024 * 1024


def handle(request: Request) -> Response:
    """202 with the ids of what was taken; 422 where every item was rejected."""
    given, marks = body_of(request, MAX_BODY_BYTES)
    items = given if isinstance(given, list) else [given]
    if not 1 <= len(items) <= MAX_ITEMS:
        raise unprocessable("body", f"takes one error or a list of 1 to {MAX_ITEMS}")
    now = datetime.now(UTC)
    events, rejected = _accept(items, marks, now)
    project_id = project_of(request)
    _send(events, project_id, now)
    body = {"accepted": len(events), "ids": [event["event_id"] for event in events], "rejected": rejected}
    return Response(202 if events else 422, body)


def project_of(request: Request) -> int:
    """The project of the key; an admin sends to project 1, or names one by `?project=`."""
    if request.role == "ingest":
        return int(request.actor.removeprefix("project:"))
    raw = request.query.get("project", "1")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise unprocessable("project", "takes the number of a project")
    return int(raw)


def _accept(items: list[Any], marks: list[str], now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    events, rejected = [], []
    for index, item in enumerate(items):
        try:
            events.append(accept_error(item, now, get_settings().user_hash_key or "", marks_within(item, marks)))
        except Rejected as refusal:
            rejected.append({"index": index, "field": refusal.field, "message": str(refusal)})
    return events, rejected


def _send(events: list[dict[str, Any]], project_id: int, now: datetime) -> None:
    settings = get_settings()
    for url, is_critical in ((settings.critical_queue_url, True), (settings.error_queue_url, False)):
        bodies = [error_message(event, project_id, now) for event in events if (event["severity"] == "critical") is is_critical]
        if bodies:
            queue.send(url, bodies)


lambda_handler = endpoint("ingest")(handle)
