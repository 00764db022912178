"""The first version of the grouping rules, frozen: the digest finds groups of an older release by it.

Never changed: a fingerprint of this version must stay what the release that stored it computed.
"""

import functools
import hashlib
import re
from typing import Any

from callwatch.grouping.version_1.stack_text import parse_frames

VERSION = 1
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")

_SQLSTATE = re.compile(r"SQLSTATE[ \[:=]*([0-9A-Z]{5})\b")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

# What differs between two occurrences of one error, in the order in which it is searched for.
_VARIABLE = (
    (r"(?<![\w.+-])[\w.+-]++@[\w-]+(\.[\w-]+)+", "<email>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
    (rf"\b(?:{_MONTHS})[a-z]{{0,6}}\.? \d{{1,2}},? \d{{4}}\b|\b\d{{1,2}} (?:{_MONTHS})[a-z]{{0,6}} \d{{4}}\b", "<time>"),
    (r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[0-9a-f]*:[0-9a-f:]+\](:\d+)?", "<address>"),
    (r"\b0x[0-9a-f]+\b", "<hex>"),
    (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
    # The name of a table or a column is the cause, not a value.
    (
        r"\b(relation|column|table|constraint|function|type|index|schema|role|trigger)( of relation)? \"([^\"]{1,100})\"",
        r"\1\2 \3",
    ),
    (r"\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)|`[^`]{1,200}`", "<text>"),
    # Random words: letters and digits alternate.
    (r"\b[a-z]*\d+[a-z]+\d+[a-z0-9]*\b|\b[a-z]+\d+[a-z]+[a-z0-9]*\b", "<id>"),
    (r"\b\d+(\.\d+)?\s?(ms|s|sec|seconds|m|min|h|kb|mb|gb|bytes)\b", "<quantity>"),
    (r"\d+", "<n>"),
    (r"<n>(\.<n>)+", "<n>"),
    (r"<(n|text|id|hex)>(, ?<\1>)+", r"<\1>"),
)
# Where an application is installed says nothing about the error.
_SCHEME = re.compile(r"^(?:https?://[^/]+|file://(?=/)|[a-z][a-z0-9+.-]+:/{2,3}|[a-z]:(?=/))(?:\./)?", re.IGNORECASE)
_ROOT = re.compile(
    r"^/(?:var/task|var/www/[^/]+|usr/src/[^/]+|(?:home|Users)/[^/]+/[^/]+|(?:srv|opt|data|mnt|workspace)/[^/]+|app)(?=/)",
    re.IGNORECASE,
)
_DEPLOYED = re.compile(r"(?:^|(?<=/)|/)(?:releases/[^/]+|current|\.next/server|dist|build)(?=/)")
_PACKAGES = ("/site-packages/", "/dist-packages/", "/node_modules/")
# Longer names are not files, but data or whole programs. The part that is kept distinguishes them well enough.
_MAX_PATH_CHARS, _MAX_NAME_CHARS = 1_000, 500
_MAX_CACHED_CHARS = 300
# Hashes in the names of assets change with each build.
_BUILD = re.compile(r"[.-](?:[0-9a-f]{8,}|(?=[A-Za-z_]*\d)(?=\d*[A-Za-z])\w{8,})(?=\.)")
_MINIFIED = re.compile(r"(?:[A-Za-z_$]{1,2}\d?\.)*[A-Za-z_$]{1,2}\d?|<anonymous>|\?|")
# What a compiler or a loop wraps around an async function.
_WRAPPER = re.compile(
    r"asyncGeneratorStep|_asyncToGenerator|__awaiter|_next|_throw|fulfilled|rejected|new Promise|Generator\.\w+"
    r"|Promise\.\w+( \(index \d+\))?|processTicksAndRejections|runMicrotasks|run_until_complete|_run_once|run_in_executor"
)
_OWNER = re.compile(r"^(?:async |new )?(?:(?:Object|Module|exports|module\.exports|Function|Server|Context|Array|_?[Tt]his)\.)*")


@functools.cache
def _compile_variable() -> tuple[tuple[re.Pattern[str], str], ...]:
    # With the first event: a function that groups nothing starts 20 ms earlier without them.
    return tuple((re.compile(pattern, re.IGNORECASE), mark) for pattern, mark in _VARIABLE)


def compute_fingerprint(event: dict[str, Any]) -> str:
    """ "1:" and 32 hex digits, the same for all occurrences of the same error.

    The client's own fingerprint decides if there is one; else the type and the in-app frames of the exception and its causes,
    without line numbers; else the type with the normalized message, and the frames of a stack that came as text.
    """
    given = event.get("fingerprint")
    default = _find_default(event) if not given or any(_DEFAULT.search(str(part)) for part in given) else ""
    # Once per part: a text full of placeholders would otherwise become many times as long as the event.
    parts = [_DEFAULT.sub(lambda _match: default, str(part), count=1) for part in given] if given else [default]
    return f"{VERSION}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def normalize(message: str) -> str:
    """The message without what differs between two occurrences of one error."""
    text = message[:2000]
    for pattern, mark in _compile_variable():
        text = pattern.sub(mark, text)
    return re.sub(r"\s+", " ", text).strip()


def _find_default(event: dict[str, Any]) -> str:
    message = str(event.get("message") or "")
    # A captured message comes with the stack of its capture and without a type.
    types = [str(link["type"]) for link in event.get("exceptions") or [] if link.get("type")]
    types = types or ([str(event["type"])] if event.get("type") else [])
    frames = event.get("frames") or []
    text = "" if frames else str(event.get("stack") or "")
    places = _list_places(frames or parse_frames(text))
    if not types or not places:
        return "|".join([*types, normalize(message)])
    sqlstate = _SQLSTATE.search(message)
    # Without any name that a person gave, only the message can distinguish two causes.
    is_nameless = all(place.endswith(":") for place in places)
    # A text identifies an error less surely than frames do, so the message counts as well.
    words = [normalize(message)] if is_nameless or text else []
    return "|".join([*types, sqlstate[1] if sqlstate else "", *places, *words])


def _list_places(frames: list[dict[str, Any]]) -> list[str]:
    """The places of the in-app frames, without wrappers; recursion of any depth is one step."""
    places: list[str] = []
    for frame in frames:
        if frame.get("in_app") is False:
            continue
        place = _describe_place(
            str(frame.get("module") or "")[:_MAX_NAME_CHARS],
            str(frame.get("filename") or "")[:_MAX_PATH_CHARS],
            str(frame.get("function") or "")[:_MAX_NAME_CHARS],
        )
        if place and place != (places[-1] if places else None):
            places.append(place)
    return places


def _describe_place(module: str, filename: str, function: str) -> str | None:
    is_short = len(module) + len(filename) + len(function) <= _MAX_CACHED_CHARS
    return (_cached_place if is_short else _place)(module, filename, function)


def _place(module: str, filename: str, function: str) -> str | None:
    if _WRAPPER.fullmatch(function):
        return None
    path = _normalize_path(filename)
    function = re.sub(r" \[as [^\]]*\]$", "", _OWNER.sub("", function))
    function = re.sub(r"(<lambda>|lambda)[\w$]*", "<lambda>", function)
    if re.search(r"\.[cm]?jsx?$", path) and _MINIFIED.fullmatch(function):
        function = ""
    return f"{normalize(module) if module else path}:{function}"


# The same few hundred places make up nearly all stacks; none of them is long.
_cached_place = functools.lru_cache(maxsize=8_192)(_place)


def _normalize_path(filename: str) -> str:
    path = re.split(r"[?#]", filename.replace("\\", "/"), maxsplit=1)[0]
    path = _SCHEME.sub("", path)
    packages = max(path.rfind(folder) for folder in _PACKAGES)
    path = _DEPLOYED.sub("", _ROOT.sub("", path[packages + 1 :] if packages >= 0 else path))
    return normalize(_BUILD.sub("", path)).lstrip("/")
