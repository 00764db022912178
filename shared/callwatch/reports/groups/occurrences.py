"""Occurrences for people: with what they carried, wherever it is stored, or with the reason why it cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_logs import OccurrenceRow
from callwatch.grouping.in_app import is_in_app
from callwatch.models.reason import Reason
from callwatch.payloads.lines import MESSAGE_ELSEWHERE
from callwatch.payloads.read import Found, StoredPlace, read_payloads
from callwatch.reports.groups.source_maps import resolve_shown
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import Occurrence

# A Lambda response holds 6 MB; an event's text may grow when it is encoded again.
_ANSWER_CHARACTERS = 2_000_000
# The name of the field in payloads stored before the first release.
_SANITIZED_BEFORE = "mended"


def show_occurrences(
    conn: AnyConnection, project_id: int, rows: Sequence[OccurrenceRow]
) -> tuple[list[Occurrence], dict[str, Reason]]:
    """Return occurrences with their payloads, and why values of them are unread: by path, such as 0.frames.

    is_sampled: the payload was not stored, or is too large for one response.
    """
    places = [_find_place(row) for row in rows]
    wanted = [place for place in places if place is not None]
    found = read_payloads(get_settings().payloads_url, wanted) if wanted else {}
    payloads = [found[place] if place is not None else None for place in places]
    events: list[dict[str, Any] | None] = []
    room = _ANSWER_CHARACTERS
    for row, payload in zip(rows, payloads, strict=True):
        text = row["payload"] if payload is None else None if isinstance(payload, Reason) else payload.event_text
        if text is not None and len(text) > room:
            text = None
        room -= len(text or "")
        events.append(json.loads(text) if text is not None else None)
    resolved = resolve_shown(conn, project_id, events)
    shown = [_show(row, event, payload) for row, event, payload in zip(rows, resolved, payloads, strict=True)]
    unread = {
        f"{index}.{name}": payload
        for index, (occurrence, payload) in enumerate(zip(shown, payloads, strict=True))
        if isinstance(payload, Reason)
        for name, value in occurrence.items()
        if value is None or (name, value) == ("message", MESSAGE_ELSEWHERE)
    }
    return shown, unread


def _find_place(row: OccurrenceRow) -> StoredPlace | None:
    start, size = row["object_start"], row["object_bytes"]
    return StoredPlace(row["object_name"], start, size) if start is not None and size is not None else None


def _show(row: OccurrenceRow, stored: dict[str, Any] | None, payload: Found | None) -> Occurrence:
    # An object holds these next to the payload; the row then has a sign instead of the message.
    fields: Any = row if payload is None or isinstance(payload, Reason) else payload.fields
    event = stored or {}
    frames = _show_frames(event.get("frames"))
    return {
        "event_id": row["event_id"],
        "occurred_at": row["occurred_at"],
        "received_at": row["received_at"],
        "severity": row["severity"],
        "type": fields["type"],
        "message": fields["message"],
        "endpoint": fields["endpoint"],
        "release": fields["release"],
        "service": fields["service"],
        "is_sampled": stored is None and not isinstance(payload, Reason),
        "level": event.get("level"),
        "logger": event.get("logger"),
        "platform": event.get("platform"),
        "dist": event.get("dist"),
        "frames": frames,
        "exceptions": _show_exceptions(event.get("exceptions"), frames),
        "logentry": event.get("logentry"),
        "stack": event.get("stack"),
        "context": event.get("context"),
        "breadcrumbs": event.get("breadcrumbs"),
        "tags": event.get("tags"),
        "request": event.get("request"),
        "user_hash": event.get("user_hash"),
        "modules": event.get("modules"),
        "debug_meta": event.get("debug_meta"),
        "sdk": event.get("sdk"),
        "scrubbed": event.get("scrubbed"),
        "trimmed": event.get("trimmed"),
        "sanitized": event.get("sanitized", event.get(_SANITIZED_BEFORE)),
    }


def _show_exceptions(links: Any, frames: list[Any] | None) -> list[Any] | None:
    """Return the exceptions of an event, each with its frames."""
    if not isinstance(links, list):
        return None
    shown = [{**link, "frames": _show_frames(link.get("frames"))} if isinstance(link, dict) else link for link in links]
    if shown and isinstance(shown[-1], dict):
        # Stored once: the frames of the outermost exception are those of the event.
        shown[-1]["frames"] = frames
    return shown


def _show_frames(frames: Any) -> list[Any] | None:
    """Return frames, each with `in_app`."""
    if not isinstance(frames, list):
        return None
    return [{**frame, "in_app": is_in_app(frame)} if isinstance(frame, dict) else frame for frame in frames]
