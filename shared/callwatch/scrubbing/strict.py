"""The allow-list mode: only types, frames, codes and listed context keys of an event are kept.

The scrubber removes what it recognizes; this mode removes everything that is not known to be harmless, for senders that need
certainty.
"""

import re
from typing import Any

from callwatch.scrubbing.codes import find_codes
from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word
from callwatch.scrubbing.scrubber import hash_user

# Fields that we create ourselves, and labels that come from the sender's configuration.
_KEPT = ("event_id", "occurred_at", "severity", "category", "user_hash", "sanitized", "trimmed")
_LABELS = ("environment", "release", "sdk", "level", "platform", "dist", "logger")
_FRAME_TEXTS, _FRAME_NUMBERS = ("filename", "function", "module"), ("lineno", "colno")
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
# A trace or a span, or a UUID. One without a letter would be a number, such as that of a card.
_HEX = re.compile(r"(?=[\d-]{0,36}[a-f])(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Words of software that are names, too.
_NAMED_WORDS = frozenset(
    "bench claude data echo long main mark nova opus page pages price prices session sessions stage stages".split()
)
# Where a line of a stack says it is: a file with a line, or a place that the runtime names.
_PLACE = r"(?:[^\s()\"]{1,300}\.[A-Za-z]\w{0,9}|node:[^\s()]{1,200}|<anonymous>|<[a-z-]{1,30}>)(?::\d{1,7}){1,2}"
_FRAME_LINE = re.compile(
    rf"\s*at (?:async |new )?[^\s()]{{1,300}}(?: \[as [^\]\s]{{1,80}}\])? \({_PLACE}\)"
    rf"|\s*at (?:async )?(?:{_PLACE}|[\w$.<>`+/]{{1,300}}\((?:{_PLACE}|Native Method|Unknown Source|native)\)|<anonymous>)"
    r"|\s*at \w[\w$<>`+]{0,99}(?:\.[\w$<>`+]{1,99}){1,20}(?=\()"
    r"|\s*File \"(?:[^\"\s]{1,300}|[^\"\r\n]{1,300}\.\w{1,5})\", line \d{1,7}(?:, in [^\s]{1,200})?"
    rf"|\s*(?:from|in) {_PLACE}(?::in [^\s]{{1,200}})?"
    r"|\s*#\d{1,4}\s{1,8}(?:[^\s()]{1,300}\(\d{1,7}\)|\[internal function\])(?:: [\w\\:>-]{1,200})?|\s*#\d{1,4} \{main\}"
    rf"|\s*#\d{{1,4}}\s{{1,8}}[^\s()]{{1,200}} \((?:package:|file://)?{_PLACE}\)"
)
_MAX_LINE_CHARS = 2_000
# Above this, a number may be that of a phone, a card or a person.
_MAX_NUMBER = 10**8
_MAX_PLACE = 10**7
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
    return " ".join([kind or "Error", *[f"[{code}]" for code in find_codes(str(message))]])


def _is_plain(text: str) -> bool:
    """Whether each word of an identifier is a word of software, and no name: neither Baker nor Kidney."""
    return all(
        len(word) < 3 or classify_word(word) is Kind.PLAIN or word.lower() in _NAMED_WORDS for word in _WORDS.findall(text)
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
    return [_reduce_frame(frame) for frame in _read_list(frames) if isinstance(frame, dict)] or None


def _reduce_frame(frame: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: frame[name] for name in _FRAME_TEXTS if isinstance(frame.get(name), str)}
    kept |= {name: frame[name] for name in _FRAME_NUMBERS if type(frame.get(name)) is int and 0 <= frame[name] < _MAX_PLACE}
    return kept | ({"in_app": frame["in_app"]} if isinstance(frame.get("in_app"), bool) else {})


def _reduce_link(link: dict[str, Any]) -> dict[str, Any]:
    kind = link.get("type")
    kept: dict[str, Any] = {"type": kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None}
    kept["value"] = _reduce_message(link.get("value"), kept["type"])
    if frames := _reduce_frames(link.get("frames")):
        kept["frames"] = frames
    return kept


def _reduce_stack(stack: Any) -> str | None:
    """The lines that name a place in the code, without what follows it, as PHP prints arguments there.

    The message above them and the source lines between them are removed.
    """
    if not isinstance(stack, str):
        return None
    found = (_FRAME_LINE.match(line[:_MAX_LINE_CHARS]) for line in stack.split("\n"))
    return "\n".join(match[0] for match in found if match) or None


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
        return item is None or abs(item) < _MAX_NUMBER
    if name.endswith("_id"):
        return isinstance(item, str) and _HEX.fullmatch(item.lower()) is not None
    return isinstance(item, str) and _LABEL.fullmatch(item) is not None and _is_plain(item) and sum(map(str.isdigit, item)) < 7
