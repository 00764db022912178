"""The allow-list mode: only types, frames, codes and listed context keys of an event are kept.

The scrubber removes what it recognizes; this mode removes everything that is not known to be harmless, for senders that need
certainty.
"""

import re
from typing import Any

from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word
from callwatch.scrubbing.scrubber import hash_user

# Fields that we create ourselves, and labels that come from the sender's configuration.
_KEPT = ("event_id", "occurred_at", "severity", "category", "user_hash", "sanitized", "trimmed")
_LABELS = ("environment", "release", "sdk", "level", "platform", "dist", "logger")
_FRAME_FIELDS = ("filename", "function", "module", "lineno", "colno", "in_app")
CONTEXT_KEYS = frozenset(
    [
        "level",
        "logger",
        "runtime",
        "os",
        "browser",
        "device",
        "queue",
        "stage",
        "job",
        "cron",
        "worker",
        "step",
        "component",
        "provider",
        "model",
        "region",
        "version",
        "platform",
        "status",
        "status_code",
        "http_status",
        "code",
        "error_code",
        "errno",
        "sqlstate",
        "exit_code",
        "signal",
        "method",
        "retries",
        "retry",
        "attempt",
        "attempts",
        "duration_ms",
        "elapsed_ms",
        "timeout_ms",
        "size_bytes",
        "bytes",
        "count",
        "limit",
        "handled",
        "type",
        "category",
        "trace_id",
        "span_id",
        "parent_span_id",
        "op",
        "table",
        "column",
        "constraint",
        "severity",
    ]
)
# Objects that hold such keys one level down.
_CONTEXT_OBJECTS = frozenset(["extra", "contexts", "runtime", "os", "browser", "device", "trace", "app", "response", "error"])
_LABEL = re.compile(r"[A-Za-z0-9][\w.@/+:-]{0,99}")
_TYPE = re.compile(r"[A-Za-z_$][\w.$:<>]{0,199}")
_HEX = re.compile(r"[0-9a-f-]{8,64}")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CODE = re.compile(
    r"\b(?:E[A-Z]{3,20}|ERR_[A-Z_]{3,40}"
    r"|(?:SQLSTATE|HTTP(?:/\d\.\d)?|status(?: code)?|errno|exit code|code)[ :=\[]{1,3}[0-9A-Z]{1,5}"
    r"|[a-z]{2,20}(?:_[a-z]{2,20}){1,5})\b"
)
_MAX_CODES = 5
_MAX_CHARS_READ = 20_000
_FRAME_LINE = re.compile(r"\s*(?:at |File \"|in |from |#\d)[^\r\n]{1,500}")
_METHOD = re.compile(r"(?P<method>[A-Z]{3,7} )?(?P<path>/[^\s?#]{0,299})")


def reduce_event(event: dict[str, Any], user_hash_key: str) -> dict[str, Any]:
    """A scrubbed event with only listed fields; every other field is null."""
    reduced: dict[str, Any] = dict.fromkeys(event)
    reduced |= {name: event[name] for name in _KEPT if name in event}
    reduced |= {name: _keep_label(event[name]) for name in _LABELS if name in event}
    kind = event.get("type")
    reduced["type"] = kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None
    reduced["message"] = _reduce_message(event.get("message"), reduced["type"])
    reduced["endpoint"] = _reduce_endpoint(event.get("endpoint"))
    reduced["frames"] = _reduce_frames(event.get("frames"))
    reduced["exceptions"] = [_reduce_link(link) for link in _read_list(event.get("exceptions")) if isinstance(link, dict)] or None
    reduced["stack"] = _reduce_stack(event.get("stack"))
    # The parts that the sender chose still group events, and reveal nothing.
    reduced["fingerprint"] = [hash_user(str(part), user_hash_key) for part in _read_list(event.get("fingerprint"))] or None
    reduced["tags"] = _reduce_context(event.get("tags"), 1)
    reduced["context"] = _reduce_context(event.get("context"), 0)
    reduced["scrubbed"] = sorted({*_read_list(event.get("scrubbed")), "strict"})
    return reduced


def _read_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _keep_label(value: Any) -> str | None:
    return value if isinstance(value, str) and _LABEL.fullmatch(value) else None


def _reduce_message(message: Any, kind: str | None) -> str:
    """The type, and the codes in the message: they distinguish errors and identify no person."""
    codes = dict.fromkeys(match[0] for match in _CODE.finditer(str(message)[:_MAX_CHARS_READ]) if _is_plain(match[0]))
    return " ".join([kind or "Error", *[f"[{code}]" for code in codes][:_MAX_CODES]])


def _is_plain(text: str) -> bool:
    """Whether each word of an identifier is a word of software, and not a name."""
    return all(
        len(word) < 3 or word.isupper() or classify_word(word) in (Kind.PLAIN, Kind.PLAIN_FIRST, Kind.PLAIN_LAST)
        for word in _WORDS.findall(text)
    )


def _reduce_endpoint(endpoint: Any) -> str | None:
    found = _METHOD.fullmatch(endpoint) if isinstance(endpoint, str) else None
    if not found:
        return None
    parts = [
        part if not part or part[:1] in "{:[<" or (_is_plain(part) and not any(map(str.isdigit, part))) else "{id}"
        for part in found["path"].split("/")
    ]
    return (found["method"] or "") + "/".join(parts)


def _reduce_frames(frames: Any) -> list[dict[str, Any]] | None:
    kept = [
        {name: frame[name] for name in _FRAME_FIELDS if isinstance(frame.get(name), (str, int, bool))}
        for frame in _read_list(frames)
        if isinstance(frame, dict)
    ]
    return kept or None


def _reduce_link(link: dict[str, Any]) -> dict[str, Any]:
    kind = link.get("type")
    kept: dict[str, Any] = {"type": kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None}
    kept["value"] = _reduce_message(link.get("value"), kept["type"])
    if frames := _reduce_frames(link.get("frames")):
        kept["frames"] = frames
    return kept


def _reduce_stack(stack: Any) -> str | None:
    """The lines that name a place in the code; the message above them and the source lines between them are removed."""
    if not isinstance(stack, str):
        return None
    return "\n".join(line for line in stack.split("\n") if _FRAME_LINE.fullmatch(line)) or None


def _reduce_context(value: Any, depth: int) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key).lower()
        if isinstance(item, dict):
            inner = _reduce_context(item, depth + 1) if name in _CONTEXT_OBJECTS and depth < 3 else None
            if inner:
                kept[str(key)] = inner
        elif name in CONTEXT_KEYS and _is_harmless(name, item):
            kept[str(key)] = item
    return kept or None


def _is_harmless(name: str, item: Any) -> bool:
    if isinstance(item, (bool, int, float)) or item is None:
        return not isinstance(item, int) or abs(item) < 10**8
    if name.endswith("_id"):
        return isinstance(item, str) and _HEX.fullmatch(item) is not None
    return isinstance(item, str) and _LABEL.fullmatch(item) is not None and _is_plain(item) and sum(map(str.isdigit, item)) < 7
