"""POST /api/{project}/{proxy+}: the Sentry protocol. 200 only after the queue took everything."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.http import Request, Response, not_found
from callwatch.requests.accept import request_messages
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings
from callwatch.tracker.event import error_message, finish_event
from callwatch.tracker.sentry.auth import key_of, project_of
from callwatch.tracker.sentry.body import decode
from callwatch.tracker.sentry.convert import convert, stub
from callwatch.tracker.sentry.envelope import Item, load, parse
from callwatch.tracker.sentry.traces import rows_of_spans, rows_of_transaction

MAX_EVENT_BYTES = 1024 * 1024
# Items that are taken in silence: they report what the SDK itself dropped.
_IGNORED = frozenset({"client_report"})
# Data categories as the protocol names them, by item type; what is not listed is its own category.
_CATEGORIES = {
    "sessions": "session",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "check_in": "monitor",
    "statsd": "metric_bucket",
    "metric_buckets": "metric_bucket",
    "log": "log_item",
    "otel_log": "log_item",
    "user_report": "user_report_v2",
}
_REFUSED_FOR_S = 3600


def handle(request: Request) -> Response:
    """Take an envelope; unsupported items are refused the protocol's way, by category."""
    if request.path_parameters.get("proxy", "").rstrip("/") != "envelope":
        raise not_found("the Sentry protocol is spoken at /api/<project>/envelope/")
    settings = get_settings()
    known = settings.ingest_keys or {}
    # A key outside of the body is looked at before any work is done on the body.
    outer_key = key_of(request)
    project_id = project_of(request, outer_key, known) if outer_key else None
    headers, items = parse(decode(request.body, request.headers.get("content-encoding", "")))
    if project_id is None:
        project_id = project_of(request, key_of(request, headers), known)
    now = datetime.now(UTC)
    events = [event for item in items if item.kind == "event" for event in _events(item, headers, now)]
    rows = [row for item in items for row in _rows(item)]
    _send(events, rows, project_id, now)
    event_id = events[0]["event_id"] if events else headers.get("event_id")
    refused = sorted({_CATEGORIES.get(item.kind, item.kind) for item in items if _is_refused(item)})
    limits = {"x-sentry-rate-limits": f"{_REFUSED_FOR_S}:{';'.join(refused)}:organization"} if refused else {}
    return Response(200, {"id": event_id} if isinstance(event_id, str) else {}, limits)


def _events(item: Item, headers: dict[str, Any], now: datetime) -> Iterable[dict[str, Any]]:
    event_id = headers.get("event_id")
    if len(item.payload) > MAX_EVENT_BYTES:
        yield finish_event(stub(event_id, f"it is longer than {MAX_EVENT_BYTES} bytes"), now)
        return
    payload = load(item.payload)
    if isinstance(payload, dict):
        yield finish_event(convert(payload, event_id, get_settings().user_hash_key or ""), now)
    else:
        yield finish_event(stub(event_id, "it is no JSON object, or nested too deep"), now)


def _rows(item: Item) -> Iterable[dict[str, Any]]:
    if item.kind == "transaction":
        payload = load(item.payload)
        return rows_of_transaction(payload) if isinstance(payload, dict) else ()
    if item.kind == "span":
        return rows_of_spans(load(item.payload))
    return ()


def _is_refused(item: Item) -> bool:
    return bool(item.kind) and item.kind not in {"event", "transaction", "span"} | _IGNORED


def _send(events: list[dict[str, Any]], rows: list[dict[str, Any]], project_id: int, now: datetime) -> None:
    settings = get_settings()
    critical = [error_message(event, project_id, now) for event in events if event["severity"] == "critical"]
    others = [error_message(event, project_id, now) for event in events if event["severity"] != "critical"]
    if critical:
        queue.send(settings.critical_queue_url, critical)
    if others or rows:
        queue.send(settings.error_queue_url, [*others, *request_messages(rows, project_id, now)])


lambda_handler = endpoint(None)(handle)
