"""Which occurrences are the same error: a fingerprint, with the version of the rules that made it."""

import functools
import hashlib
import re
from typing import Any

VERSION = 1
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")

# What differs between two occurrences of one error, in the order in which it is looked for.
_VARIABLE = tuple(
    (re.compile(pattern, re.IGNORECASE), mark)
    for pattern, mark in (
        (r"[\w.+-]+@[\w-]+(\.[\w-]+)+", "<email>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b", "<address>"),
        (r"\b0x[0-9a-f]+\b", "<hex>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
        (r"\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)", "<text>"),
        (r"\b\d+(\.\d+)?\s?(ms|s|sec|seconds|m|min|h|kb|mb|gb)\b", "<quantity>"),
        (r"\d+", "<n>"),
    )
)


def fingerprint_of(event: dict[str, Any]) -> str:
    """ "1:" and 32 hex digits, the same for occurrences of the same error.

    The client's own fingerprint decides where it gave one; else type and in-app frames of the exception and its
    causes, without line numbers; else the type with the normalised message.
    """
    given = event.get("fingerprint")
    parts = [_DEFAULT.sub(lambda _match: _default_of(event), str(part)) for part in given] if given else [_default_of(event)]
    return f"{VERSION}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def title_of(event: dict[str, Any]) -> str:
    """One line for people: "ValueError: invalid input"."""
    message = str(event.get("message") or "").strip()
    first = message.splitlines()[0] if message else "(no message)"
    kind = event.get("type")
    return (f"{kind}: {first}" if kind and not first.startswith(str(kind)) else first)[:300]


def normalise(message: str) -> str:
    """The message without what differs between two occurrences of one error."""
    text = message[:2000]
    for pattern, mark in _VARIABLE:
        text = pattern.sub(mark, text)
    return re.sub(r"\s+", " ", text).strip()


def _default_of(event: dict[str, Any]) -> str:
    types = [str(link.get("type")) for link in event.get("exceptions") or []] or [str(event.get("type") or "")]
    sqlstate = re.search(r"SQLSTATE[ \[:=]*([0-9A-Z]{5})\b", str(event.get("message") or ""))
    frames = [_frame(frame) for frame in event.get("frames") or [] if frame.get("in_app") is not False]
    if frames and any(types):
        return "|".join([*types, sqlstate[1] if sqlstate else "", *frames])
    return "|".join([*types, normalise(str(event.get("message") or ""))])


def _frame(frame: dict[str, Any]) -> str:
    return _place_of(str(frame.get("module") or frame.get("filename") or ""), str(frame.get("function") or ""))


# The same few hundred places make up nearly all stacks.
@functools.lru_cache(maxsize=20_000)
def _place_of(place: str, function: str) -> str:
    # Hashes in asset names and numbered lambdas change with each build.
    place = re.sub(r"[.-][0-9a-f]{8,}(?=\.)", "", place.replace("\\", "/"))
    function = re.sub(r"(<lambda>|lambda)[\w$]*", "<lambda>", function)
    return f"{normalise(place)}:{function}"
