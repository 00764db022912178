"""The head of a message: what the digest needs to know of an event, so that it need not read all of it.

Reading 8 KB of JSON, most of it stack and breadcrumbs, would cost the digest more than everything else it does.
"""

from typing import Any

from callwatch.tracker.group import fingerprint_of, title_of
from callwatch.tracker.sqlstate import sqlstate_of

# Longest text of each field, as its column takes it; the head of an event is never longer than LARGEST_BYTES.
LIMITS = {"category": 50, "type": 300, "endpoint": 300, "release": 200, "service": 200, "user_hash": 64}
MESSAGE_LIMIT = 8_000
_MOST_TAGS, _TAG_LIMIT = 50, 300
# Up to four bytes a character, and room for names, title and fingerprint.
LARGEST_BYTES = 4 * (MESSAGE_LIMIT + _MOST_TAGS * _TAG_LIMIT + sum(LIMITS.values())) + 4_096


def head_of(event: dict[str, Any]) -> dict[str, Any]:
    """Identity, group, and all that stands in columns and counters; fields without a value are left out.

    Raises whatever a malformed event makes it raise.
    """
    head = {
        "event_id": str(event["event_id"]).lower(),
        "occurred_at": event["occurred_at"],
        "severity": event["severity"],
        "message": event["message"][:MESSAGE_LIMIT],
        "title": title_of(event),
        "fingerprint": fingerprint_of(event),
        "sqlstate": sqlstate_of(event),
        "tags": _tags(event.get("tags")) or None,
        **{name: _text(event.get(name), limit) for name, limit in LIMITS.items()},
    }
    return {name: value for name, value in head.items() if value is not None}


def _text(value: Any, limit: int) -> str | None:
    return None if value is None or value == "" else str(value)[:limit]


def _tags(tags: Any) -> list[str]:
    """Tags as "key:value"."""
    pairs = list(tags.items())[:_MOST_TAGS] if isinstance(tags, dict) else []
    return [f"{key}:{value}"[:_TAG_LIMIT] for key, value in pairs]
