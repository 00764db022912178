"""Converts a Sentry event into an event of Callwatch."""

import re
from collections.abc import Mapping
from typing import Any

from callwatch.grouping.classify import classify_event
from callwatch.grouping.levels import rate_severity, read_level
from callwatch.ingest.routes import name_endpoint
from callwatch.ingest.sentry.clock import read_time
from callwatch.ingest.sentry.cuts import Cuts
from callwatch.ingest.sentry.interfaces import rename_interfaces
from callwatch.ingest.sentry.log_entry import MESSAGE_CHARS, read_log_entry
from callwatch.ingest.sentry.stacks import complete_in_app, convert_frames, convert_links, find_thread, list_links, list_threads
from callwatch.scrubbing.scrubber import hash_user

_MAX_TAGS = 200
_MAX_BREADCRUMBS = 100
_MAX_MODULES = 500
_MAX_IMAGES = 100
_MAX_FINGERPRINT_PARTS = 20
_STUB_BYTES = 2_000
_USER_FIELDS = ("id", "email", "username", "ip_address")
# SDKs ask the server to fill in the address from which the envelope came.
_AUTO = "{{auto}}"
_REQUEST_FIELDS = ("method", "url", "headers", "query_string", "data", "fragment", "env")
# Not evidence, or a secret as a whole.
_REQUEST_UNKEPT = frozenset({"cookies", "inferred_content_type", "api_target"})
# Interfaces that describe where an event happened, kept next to `contexts` and `extra`.
_CONTEXTS = ("contexts", "extra", "template", "csp")


def convert(event: dict[str, Any], user_key: str) -> dict[str, Any]:
    """The fields that callwatch.events.event expects; a field with an unexpected shape is left out.

    `trimmed` names the fields of which a part was left out.
    """
    cuts = Cuts()
    event = rename_interfaces(event)
    links = list_links(event, cuts)
    last = links[-1] if links else {}
    line, entry = read_log_entry(event, cuts, bool(last))
    level = read_level(event.get("level"))
    given: dict[str, Any] = {
        "event_id": read_id(event.get("event_id")),
        "occurred_at": read_time(event.get("timestamp")),
        "type": cuts.limit_text("type", last.get("type"), 300),
        "message": _read_message(last, line, cuts),
        "level": level,
        "logger": cuts.limit_text("logger", event.get("logger"), 200),
        "platform": cuts.limit_text("platform", event.get("platform"), 50),
        "environment": cuts.limit_text("environment", event.get("environment"), 100),
        "release": cuts.limit_text("release", event.get("release"), 200),
        "dist": cuts.limit_text("dist", event.get("dist"), 100),
        "endpoint": cuts.limit_text("transaction", _read_endpoint(event), 300),
        "service": cuts.limit_text("server_name", event.get("server_name"), 200),
        "user_hash": _read_user_hash(event.get("user"), user_key),
        "fingerprint": _read_fingerprint(event.get("fingerprint"), cuts),
        "frames": convert_frames(last, cuts) or convert_frames(event, cuts) or convert_frames(find_thread(event), cuts),
        "exceptions": convert_links(links, cuts),
        "logentry": entry,
        "breadcrumbs": _read_breadcrumbs(event.get("breadcrumbs"), cuts),
        "tags": _read_tags(event.get("tags"), cuts),
        "context": _read_context(event, cuts),
        "request": _read_request(event.get("request"), cuts),
        "modules": _read_modules(event.get("modules"), cuts),
        "debug_meta": _read_debug_meta(event.get("debug_meta"), cuts),
        "sdk": _read_sdk(event.get("sdk")),
    }
    if given["occurred_at"] is None and event.get("timestamp") not in (None, ""):
        # The time of arrival takes its place.
        given["sanitized"] = ["time"]
    if given["platform"] == "go":
        complete_in_app([given["frames"], *(link.get("frames") for link in given["exceptions"] or ())])
    severity, category = classify_event(given)
    return {**given, "severity": rate_severity(level, severity).value, "category": category.value, "trimmed": cuts.names}


def build_stub(message: str, payload: bytes) -> dict[str, Any]:
    """An event whose payload was not read, and why: it keeps that the event happened, and the beginning of the payload."""
    return {
        "event_id": None,
        "message": message,
        "type": "UnreadableEvent",
        "context": {"payload": payload[:_STUB_BYTES].decode("utf-8", "replace")},
        "sanitized": ["unreadable"],
    }


def read_id(value: Any) -> str | None:
    """An event id as 32 hex digits; None if it is not one."""
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else None


def _read_message(last: Mapping[str, Any], line: str | None, cuts: Cuts) -> str:
    """The text of the outermost exception, without one of the log line."""
    if not last:
        return line or "(no message)"
    text = last.get("type") if last.get("value") in (None, "") else last["value"]
    return cuts.limit_prose("message", text, MESSAGE_CHARS) or "(no message)"


def _read_endpoint(event: Mapping[str, Any]) -> Any:
    name, info, request = event.get("transaction"), event.get("transaction_info"), event.get("request")
    if not isinstance(name, str):
        return name
    source = info.get("source") if isinstance(info, dict) else None
    return name_endpoint(name, source, request.get("url") if isinstance(request, dict) else None)


def _read_user_hash(user: Any, key: str) -> str | None:
    if not isinstance(user, dict):
        return None
    found = next((user[name] for name in _USER_FIELDS if user.get(name) not in (None, "", _AUTO)), None)
    return hash_user(str(found), key) if found is not None else None


def _read_fingerprint(value: Any, cuts: Cuts) -> list[str] | None:
    given = value if isinstance(value, list) else []
    parts = [
        cuts.limit_text("fingerprint", part, 500) or "" for part in cuts.keep_head("fingerprint", given, _MAX_FINGERPRINT_PARTS)
    ]
    # The default fingerprint of SDKs carries no information.
    return None if not parts or [part.replace(" ", "") for part in parts] == ["{{default}}"] else parts


def _read_breadcrumbs(value: Any, cuts: Cuts) -> list[Any] | None:
    crumbs = value.get("values") if isinstance(value, dict) else value
    found = [crumb for crumb in crumbs if isinstance(crumb, dict)] if isinstance(crumbs, list) else []
    return list(cuts.keep_tail("breadcrumbs", found, _MAX_BREADCRUMBS)) or None


def _read_tags(value: Any, cuts: Cuts) -> dict[str, str] | None:
    pairs = list(value.items()) if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [pair for pair in pairs if isinstance(pair, (list, tuple)) and len(pair) == 2 and pair[1] is not None]
    kept = cuts.keep_head("tags", found, _MAX_TAGS)
    return {str(name)[:200]: cuts.limit_prose("tags", text, 500) or "" for name, text in kept} or None


def _read_context(event: Mapping[str, Any], cuts: Cuts) -> dict[str, Any] | None:
    kept: dict[str, Any] = {name: event[name] for name in _CONTEXTS if isinstance(event.get(name), dict)}
    threads = list_threads(event, cuts)
    return (kept | {"threads": threads} if threads else kept) or None


def _read_request(value: Any, cuts: Cuts) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    if any(value[name] not in (None, "", {}, []) for name in value.keys() - _REQUEST_UNKEPT - {*_REQUEST_FIELDS}):
        cuts.note("request")
    return {name: value[name] for name in _REQUEST_FIELDS if value.get(name) is not None} or None


def _read_modules(value: Any, cuts: Cuts) -> dict[str, str] | None:
    """Installed packages with their versions."""
    pairs = list(value.items()) if isinstance(value, dict) else []
    return {str(name)[:200]: str(version)[:100] for name, version in cuts.keep_head("modules", pairs, _MAX_MODULES)} or None


def _read_debug_meta(value: Any, cuts: Cuts) -> dict[str, Any] | None:
    """The files that symbols and source maps belong to."""
    if not isinstance(value, dict):
        return None
    images = value.get("images")
    found = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    kept = {"images": list(cuts.keep_head("debug_meta", found, _MAX_IMAGES))} if found else {}
    return {**kept, **({"sdk_info": value["sdk_info"]} if isinstance(value.get("sdk_info"), dict) else {})} or None


def _read_sdk(value: Any) -> str | None:
    return f"{value.get('name', 'unknown')}/{value.get('version', '')}"[:100] if isinstance(value, dict) else None
