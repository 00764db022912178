"""Takes personal data and secrets out of what was captured, before it leaves the process."""

import hashlib
import hmac
import json
import re
from typing import Any

from callwatch.tracker.scrub_patterns import HARMLESS_NAME_PARENTS, HINT, PATTERNS, mark_of_key

_MARK = re.compile(
    r"\[(pem|credentials|recording-url|token|email|ssn|card|medicare|dob|licence|account|address|zip|phone|name|city|ip|transcript)\]"
)
_QUERY_SECRET = re.compile(
    r"([?&;](?:[\w.-]*(?:token|secret|key|sig|signature|password|auth|code)[\w.-]*)=)(?!\[)[^&\s#\"']+", re.I
)
_MAX_DEPTH = 64
# Fields of our own that hold no data of others; scrubbing them would only break them.
_STRUCTURAL = frozenset(
    {"event_id", "occurred_at", "severity", "category", "fingerprint", "release", "environment", "sdk", "user_hash"}
    | {"function", "module", "filename", "abs_path", "lineno", "colno", "in_app", "request_id", "trace_id", "span_id"}
    | {"timestamp", "platform", "level", "mended", "trimmed", "scrubbed"}
)


def scrub_text(text: str) -> str:
    """The text with each private part replaced by a mark of its kind, such as "[phone]"."""
    if not HINT.search(text):
        return text
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return _QUERY_SECRET.sub(r"\1[token]", text)


def scrub_value(value: Any) -> Any:
    """Any JSON value, scrubbed by key and by value; its shape stays, keys that are private go too."""
    return _scrub(value, "", 0)


def scrub_event(event: dict[str, Any]) -> dict[str, Any]:
    """The event, scrubbed; `scrubbed` lists the kinds of what was taken out."""
    clean = {key: value if key in _STRUCTURAL else _scrub(value, key, 0) for key, value in event.items()}
    kinds = {*event.get("scrubbed", []), *_MARK.findall(json.dumps(clean, ensure_ascii=False, default=str))}
    return {**clean, "scrubbed": sorted(kinds)}


def hash_user(user_id: str, key: str) -> str:
    """What stands for a user: HMAC-SHA256 under our key, 32 hex digits; it counts users and tells nobody who."""
    return hmac.new(key.encode(), user_id.encode(), hashlib.sha256).hexdigest()[:32]


def _scrub(value: Any, parent: str, depth: int) -> Any:
    if isinstance(value, str):
        return _scrub_string(value, depth)
    if depth > _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, dict):
        return {scrub_text(str(key)): _scrub_field(str(key), item, parent, depth) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return _scrub_list(list(value), parent, depth)
    return value


def _scrub_field(key: str, value: Any, parent: str, depth: int) -> Any:
    if key in _STRUCTURAL:
        return value
    mark = mark_of_key(key)
    if mark and not (mark == "[name]" and parent in HARMLESS_NAME_PARENTS) and value not in (None, "", [], {}, True, False):
        return mark
    return _scrub(value, key, depth + 1)


def _scrub_list(items: list[Any], parent: str, depth: int) -> list[Any]:
    # Headers and query strings also come as pairs: the first of a pair is the key of the second.
    if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], str) and mark_of_key(items[0]):
        return [items[0], mark_of_key(items[0])]
    return [_scrub(item, parent, depth + 1) for item in items]


def _scrub_string(text: str, depth: int) -> str:
    stripped = text.lstrip()
    if stripped[:1] in ("{", "[") and len(text) < 200_000 and depth < 8:
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return scrub_text(text)
        clean = _scrub(inner, "", depth + 1)
        return text if clean == inner else json.dumps(clean, ensure_ascii=False)
    return scrub_text(text)
