"""Removes personal data and secrets from a captured event before it leaves the process."""

import hashlib
import hmac
import json
import marshal
import re
from typing import Any

from callwatch.scrubbing.text import scrub_text
from callwatch.scrubbing.values import MARK, scrub

__all__ = ["hash_user", "scrub_event", "scrub_text", "scrub_value"]

# Fields that we create ourselves, or whose shape we have checked.
_OURS = frozenset({"event_id", "occurred_at", "severity", "category", "user_hash", "sanitized", "trimmed", "scrubbed"})
_MARK_BYTES = re.compile(MARK.pattern.encode())
# The second version of the format repeats each text instead of referring to its first occurrence, which takes longer.
_WITHOUT_REFERENCES = 2


def scrub_value(value: Any) -> Any:
    """Any JSON value, scrubbed by key and by value; its shape stays, and private keys are removed too."""
    return scrub(value, "", 0)


def scrub_event(event: dict[str, Any]) -> dict[str, Any]:
    """The scrubbed event; `scrubbed` lists the kinds of what was removed."""
    clean = {key: value if key in _OURS else scrub(value, key, 0) for key, value in event.items()}
    return {**clean, "scrubbed": sorted({*event.get("scrubbed", []), *_find_marks(clean)})}


def _find_marks(event: dict[str, Any]) -> list[str]:
    """The kinds of all marks in an event, from all its texts at once: marshal writes each unchanged, five times as fast as JSON."""
    try:
        return [kind.decode() for kind in _MARK_BYTES.findall(marshal.dumps(event, _WITHOUT_REFERENCES))]
    except ValueError:
        # A tracker's host may give objects that only their text represents.
        return MARK.findall(json.dumps(event, ensure_ascii=False, default=str))


def hash_user(user_id: str, key: str) -> str:
    """The replacement for a user id: HMAC-SHA256 under our key, 32 hex digits; it counts users without identifying them."""
    return hmac.new(key.encode(), user_id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
