"""What an envelope brings: its events and requests, each kept whatever stands beside it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callwatch.http import HttpError, bad_request
from callwatch.tracker.event import finish_event
from callwatch.tracker.sentry.convert import convert, id_of, stub
from callwatch.tracker.sentry.envelope import Item, load, load_marked
from callwatch.tracker.sentry.traces import rows_of_spans, rows_of_transaction

MAX_EVENT_BYTES = 1024 * 1024
_TOO_LARGE = f"the event is longer than {MAX_EVENT_BYTES} bytes"
_NOT_KEPT = f"an event that was not kept: it is longer than {MAX_EVENT_BYTES} bytes"
_UNREADABLE = "an event that could not be read: it is no JSON object, or nested too deep"
_BROKEN_OFF = "an event that could not be read: its envelope breaks off"

Found = tuple[dict[str, Any], bytes]


def take(
    headers: dict[str, Any], items: Sequence[Item], rest: Item | None, user_key: str, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Finished events, and rows of requests, of the items that we take; rest: what could not be read to its end.

    Raises HttpError 413 for an event above the limit, 400 for a rest, where there is nothing beside it that can be taken. Else
    either is kept as an event that says so: that it happened is known.
    """
    found: list[Found] = []
    bad: list[Found] = []
    rows: list[dict[str, Any]] = []
    is_too_large = False
    for item in items:
        if item.kind == "span":
            rows += rows_of_spans(load(item.payload), now)
        elif item.kind not in ("event", "transaction"):
            continue
        elif len(item.payload) > MAX_EVENT_BYTES:
            is_too_large = True
            if item.kind == "event":
                bad.append((stub(_NOT_KEPT, item.payload), item.payload))
        else:
            payload, marks = load_marked(item.payload)
            if item.kind == "transaction" or (isinstance(payload, dict) and payload.get("type") == "transaction"):
                rows += rows_of_transaction(payload, now)
                continue
            given = convert(payload, user_key) if isinstance(payload, dict) else stub(_UNREADABLE, item.payload)
            found.append(({**given, "mended": [*given.get("mended", []), *marks]}, item.payload))
    if rest is not None and rest.kind in ("event", ""):
        bad.append((stub(_BROKEN_OFF, rest.payload), rest.payload))
    if not found and not rows:
        _refuse(is_too_large, rest)
    return [finish_event(given, now) for given in _identified([*found, *bad], id_of(headers.get("event_id")))], rows


def _refuse(is_too_large: bool, rest: Item | None) -> None:
    if is_too_large:
        raise HttpError(413, "too_large", _TOO_LARGE, {"x-sentry-error": _TOO_LARGE})
    if rest is not None:
        raise bad_request("the envelope breaks off: an item's header is no JSON object, or its length goes past the end")


def _identified(found: Sequence[Found], header_id: str | None) -> list[dict[str, Any]]:
    """Events with their ids. The envelope's own is that of one event: what else has none gets one that a repetition has, too."""
    taken = {given["event_id"] for given, _payload in found}
    events = []
    for given, payload in found:
        event_id = given["event_id"]
        if event_id is None and header_id is not None:
            derived = hashlib.sha256(header_id.encode() + payload).hexdigest()[:32]
            event_id = header_id if header_id not in taken else derived
            taken.add(event_id)
        events.append({**given, "event_id": event_id})
    return events
