"""Takes personal data and secrets out of what was captured, before it leaves the process."""

import hashlib
import hmac
import json
import re
from typing import Any

from callwatch.tracker.scrub_counts import counts, is_phone
from callwatch.tracker.scrub_keys import is_private, verdict_of_key
from callwatch.tracker.scrub_text import scrub_text

__all__ = ["hash_user", "scrub_event", "scrub_text", "scrub_value"]

KINDS = (
    "account address card city credentials dob email ip licence medicare name pem phone recording-url row ssn token transcript zip"
).split()
_MARK = re.compile(rf"\[({'|'.join(KINDS)})\]")
_MAX_DEPTH = 64
_MAX_NESTED_CHARS = 200_000
_MAX_REPR_CHARS = 20_000
_MAX_NESTED_DEPTH = 8
# Fields that we make ourselves, or whose shape we have checked.
_OURS = frozenset({"event_id", "occurred_at", "severity", "category", "user_hash", "mended", "trimmed", "scrubbed"})
_CODE = frozenset({"context_line", "pre_context", "post_context", "source_line"})
_HEX_IDS = frozenset({"trace_id", "span_id", "parent_span_id", "request_id", "event_id", "profile_id", "replay_id"})
_HEX_ID = re.compile(r"[0-9a-fA-F-]{8,64}")
# Under these, "name" names a thing of software and no person.
_THINGS = frozenset(
    "runtime os browser device app sdk contexts packages trace modules integrations queue job task function table cron file server"
    " service host rule stage column index constraint region event logger thread culture gpu cloud_resource state response".split()
)


def scrub_value(value: Any) -> Any:
    """Any JSON value, scrubbed by key and by value; its shape stays, keys that are private go too."""
    return _scrub(value, "", 0)


def scrub_event(event: dict[str, Any]) -> dict[str, Any]:
    """The event, scrubbed; `scrubbed` lists the kinds of what was taken out."""
    clean = {key: value if key in _OURS else _scrub(value, key, 0) for key, value in event.items()}
    marks = _MARK.findall(json.dumps(clean, ensure_ascii=False, default=str))
    return {**clean, "scrubbed": sorted({*event.get("scrubbed", []), *marks})}


def hash_user(user_id: str, key: str) -> str:
    """What stands for a user: HMAC-SHA256 under our key, 32 hex digits; it counts users and tells nobody who."""
    return hmac.new(key.encode(), user_id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _scrub(value: Any, parent: str, depth: int) -> Any:
    if isinstance(value, str):
        return _scrub_string(value, parent, depth)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return "[phone]" if 2_000_000_000 <= value < 20_000_000_000 and is_phone(str(value)) and not counts(parent) else value
    if depth > _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, dict):
        return _scrub_object(value, parent, depth)
    return _scrub_list(list(value), parent, depth)


def _scrub_object(value: dict[Any, Any], parent: str, depth: int) -> dict[str, Any]:
    clean = {scrub_text(str(key)): _scrub_field(str(key), item, parent, depth) for key, item in value.items()}
    # Headers also come as {"name": "Cookie", "value": "..."}.
    for name in ("name", "key"):
        label = value.get(name)
        if "value" in value and isinstance(label, str) and (verdict := verdict_of_key(label)):
            clean[name] = scrub_text(label)
            if is_private(verdict, value["value"]):
                clean["value"] = f"[{verdict.kind}]"
    return clean


def _scrub_field(key: str, value: Any, parent: str, depth: int) -> Any:
    if key in _HEX_IDS and isinstance(value, str) and _HEX_ID.fullmatch(value):
        return value
    verdict = verdict_of_key(key)
    if verdict and not (verdict.is_loose and key == "name" and parent in _THINGS) and is_private(verdict, value):
        return value if _is_mark(value) else f"[{verdict.kind}]"
    return _scrub(value, key, depth + 1)


def _scrub_list(items: list[Any], parent: str, depth: int) -> list[Any]:
    verdict = verdict_of_key(parent) if parent else None
    # Headers and query strings also come as pairs: the first of a pair is the key of the second.
    if len(items) == 2 and isinstance(items[0], str) and (pair := verdict_of_key(items[0])) and is_private(pair, items[1]):
        return [items[0], items[1] if _is_mark(items[1]) else f"[{pair.kind}]"]
    if verdict and verdict.is_loose:
        return [
            f"[{verdict.kind}]" if is_private(verdict, item) and not _is_mark(item) else _scrub(item, "", depth + 1)
            for item in items
        ]
    return [_scrub(item, parent, depth + 1) for item in items]


def _scrub_string(text: str, parent: str, depth: int) -> str:
    start = text.lstrip()[:2]
    if (start[:1] in ("{", "[") or start in ('"{', '"[')) and len(text) < _MAX_NESTED_CHARS:
        inner, is_json = _data_of(text)
        if isinstance(inner, (dict, list)) or (isinstance(inner, str) and inner[:1] in ("{", "[")):
            clean = _scrub(inner, parent, depth + _MAX_DEPTH // _MAX_NESTED_DEPTH)
            return text if clean == inner else json.dumps(clean, ensure_ascii=False) if is_json else repr(clean)
    if text.isdigit() and len(text) in (10, 11) and counts(parent):
        return text
    return scrub_text(text, parent in _CODE)


def _data_of(text: str) -> tuple[Any, bool]:
    """The data that a text is, as JSON or as Python shows it, and whether it is JSON; None where it is neither."""
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        pass
    if len(text) < _MAX_REPR_CHARS and "'" in text and text.rstrip()[-1:] in ("}", "]"):
        import ast

        try:
            return ast.literal_eval(text.strip()), False
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            pass
    return None, False


def _is_mark(value: Any) -> bool:
    return isinstance(value, str) and _MARK.fullmatch(value) is not None
