"""POST /api/{project}/{proxy+}: the Sentry protocol. 200 only after the queue took everything."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.exceptions import QueueUnavailable
from callwatch.http import HttpError, Request, Response, not_found
from callwatch.requests.accept import request_messages
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.event import error_message
from callwatch.tracker.sentry.auth import key_of, project_of
from callwatch.tracker.sentry.body import decode
from callwatch.tracker.sentry.envelope import Item, parse
from callwatch.tracker.sentry.refuse import busy, refusal
from callwatch.tracker.sentry.take import take


def handle(request: Request) -> Response:
    """Take an envelope; unsupported items are refused the protocol's way, by category."""
    if request.path_parameters.get("proxy", "").rstrip("/") != "envelope":
        remedy = "an SDK that sends to store/ is too old (for Python: 2.0 or later)"
        raise not_found(f"the Sentry protocol is spoken at /api/<project>/envelope/; {remedy}")
    known = get_settings().ingest_keys or {}
    # A key outside of the body is looked at before any work is done on the body.
    outer_key = key_of(request)
    project_id = project_of(request, outer_key, known) if outer_key else None
    headers, items, rest = parse(decode(request.body, request.headers.get("content-encoding", "")))
    if project_id is None:
        project_id = project_of(request, key_of(request, headers), known)
    now = datetime.now(UTC)
    events, rows = take(headers, items, rest, get_settings().user_hash_key or "", now)
    try:
        _send(events, rows, project_id, now)
    except QueueUnavailable as error:
        raise _unavailable(error, items) from error
    event_id = events[0]["event_id"] if events else headers.get("event_id")
    return Response(200, {"id": event_id} if isinstance(event_id, str) else {}, refusal(item.kind for item in items))


def _unavailable(error: QueueUnavailable, items: Iterable[Item]) -> HttpError:
    """503, or 429 where the queue has too much to do; either names what was not taken, so that nothing else is muted."""
    limits = busy(item.kind for item in items)
    if error.is_throttled:
        return HttpError(429, "too_many_requests", "the queue takes no more right now; send it again", limits)
    return HttpError(503, "queue_unavailable", "the queue took nothing; send it again", limits)


def _send(events: list[dict[str, Any]], rows: list[dict[str, Any]], project_id: int, now: datetime) -> None:
    settings = get_settings()
    critical = [error_message(event, project_id, now) for event in events if event["severity"] == "critical"]
    others = [error_message(event, project_id, now) for event in events if event["severity"] != "critical"]
    if critical:
        queue.send(settings.critical_queue_url, critical)
    if others or rows:
        queue.send(settings.error_queue_url, [*others, *request_messages(rows, project_id, now)])


lambda_handler = endpoint(None)(handle)
