"""The summary of an event: what the digest needs to know, so that it need not read the whole event.

Reading 8 KB of JSON, most of it stack and breadcrumbs, would cost the digest more than everything else it does.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from callwatch.grouping.sqlstate import find_sqlstate

# Longest text of each field that its column accepts; a summary is never longer than MAX_SUMMARY_BYTES.
LIMITS = {"category": 50, "type": 300, "endpoint": 300, "release": 200, "service": 200, "user_hash": 64, "level": 20}
MESSAGE_LIMIT = 8_000
_MAX_TAGS, _TAG_LIMIT = 50, 300
_MAX_PLACES, _PLACE_LIMIT = 20, 200
_MAX_CAUSES, _CAUSE_LIMIT = 10, 200
# Ids in the context: "call_id", "leadId", "contactUuid".
_MAX_IDS, _ID_LIMIT, _MAX_ID_DEPTH = 20, 64, 3
_ID_KEY = re.compile(r"(?:^|[_.-])(?:id|uuid|sid)$|[a-z](?:Id|ID|Uuid|Sid)$")
_MAX_KEYS_READ = 200
# Up to four bytes per character, and room for names, title and fingerprint.
_MAX_CHARS_OF_SEARCH = _MAX_TAGS * _TAG_LIMIT + _MAX_PLACES * _PLACE_LIMIT + _MAX_CAUSES * _CAUSE_LIMIT + _MAX_IDS * _ID_LIMIT
MAX_SUMMARY_BYTES = 4 * (MESSAGE_LIMIT + _MAX_CHARS_OF_SEARCH + sum(LIMITS.values())) + 4_096


def summarize_event(event: dict[str, Any]) -> dict[str, Any]:
    """Identity, group, and the fields that columns and counters hold; fields without a value are left out.

    Raises any error that a malformed event causes.
    """
    # Loaded with the first event: it compiles many expressions, and a function that accepts nothing starts earlier without them.
    from callwatch.grouping.fingerprint import compute_fingerprint, render_title

    head = {
        "event_id": str(event["event_id"]).lower(),
        "occurred_at": event["occurred_at"],
        "severity": event["severity"],
        "message": event["message"][:MESSAGE_LIMIT],
        "title": render_title(event),
        "fingerprint": compute_fingerprint(event),
        "sqlstate": find_sqlstate(event),
        "tags": _list_tags(event.get("tags")) or None,
        "places": _list_places(event) or None,
        "causes": _render_causes(event.get("exceptions")) or None,
        "ids": list(islice(_find_ids(event.get("context"), 0), _MAX_IDS)) or None,
        # The digest opens the event only where a source map may help.
        "js": True if _has_columns(event) else None,
        **{name: _cut_text(event.get(name), limit) for name, limit in LIMITS.items()},
    }
    return {name: value for name, value in head.items() if value is not None}


def _cut_text(value: Any, limit: int) -> str | None:
    return None if value is None or value == "" else str(value)[:limit]


def _list_places(event: dict[str, Any]) -> list[str]:
    """Files and functions of the innermost frames of the application, also of causes, by which people search."""
    from callwatch.grouping.in_app import is_in_app

    stacks = [event.get("frames"), *(link.get("frames") for link in _list_causes(event.get("exceptions")))]
    lists = [[frame for frame in frames or () if isinstance(frame, dict) and is_in_app(frame)] for frames in stacks]
    found = [frame for frames in lists for frame in reversed(frames[-_MAX_PLACES:])][:_MAX_PLACES]
    texts = (f"{frame.get('filename') or frame.get('module') or ''} {frame.get('function') or ''}" for frame in found)
    return [text[:_PLACE_LIMIT] for text in texts]


def _list_causes(links: Any) -> list[dict[str, Any]]:
    """The exceptions behind the outermost one, which is the event itself; the nearest first."""
    return [link for link in links[-2 : -2 - _MAX_CAUSES : -1] if isinstance(link, dict)] if isinstance(links, list) else []


def _render_causes(links: Any) -> list[str]:
    return [f"{link.get('type') or ''} {link.get('value') or ''}".strip()[:_CAUSE_LIMIT] for link in _list_causes(links)]


def _find_ids(value: Any, depth: int) -> Iterator[str]:
    """The ids that a client put into the context, by which people search: of a call, a lead, a request."""
    if not isinstance(value, dict) or depth > _MAX_ID_DEPTH:
        return
    for key, item in islice(value.items(), _MAX_KEYS_READ):
        if isinstance(item, (str, int)) and not isinstance(item, bool) and _ID_KEY.search(key):
            text = str(item)
            if text and not text.startswith("["):
                yield text[:_ID_LIMIT]
        else:
            yield from _find_ids(item, depth + 1)


def _has_columns(event: dict[str, Any]) -> bool:
    """Whether a frame has a column, by which a source map finds it: those of JavaScript have one."""
    links = event.get("exceptions")
    holders = [event, *links] if isinstance(links, list) else [event]
    stacks = (holder.get("frames") for holder in holders if isinstance(holder, dict))
    return any(
        isinstance(frame, dict) and frame.get("colno") is not None
        for frames in stacks
        if isinstance(frames, list)
        for frame in frames
    )


def _list_tags(tags: Any) -> list[str]:
    """Tags as "key:value"."""
    pairs = list(tags.items())[:_MAX_TAGS] if isinstance(tags, dict) else []
    return [f"{key}:{value}"[:_TAG_LIMIT] for key, value in pairs]
