"""Which occurrences are the same error: a fingerprint, with the version of the rules that made it."""

import functools
import hashlib
import re
from typing import Any

from callwatch.tracker.stack_text import frames_of_text

VERSION = 1
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")

_SQLSTATE = re.compile(r"SQLSTATE[ \[:=]*([0-9A-Z]{5})\b")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

# What differs between two occurrences of one error, in the order in which it is looked for.
_VARIABLE = tuple(
    (re.compile(pattern, re.IGNORECASE), mark)
    for pattern, mark in (
        (r"(?<![\w.+-])[\w.+-]++@[\w-]+(\.[\w-]+)+", "<email>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
        (rf"\b(?:{_MONTHS})[a-z]{{0,6}}\.? \d{{1,2}},? \d{{4}}\b|\b\d{{1,2}} (?:{_MONTHS})[a-z]{{0,6}} \d{{4}}\b", "<time>"),
        (r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[0-9a-f:]*:[0-9a-f:]+\](:\d+)?", "<address>"),
        (r"\b0x[0-9a-f]+\b", "<hex>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
        # The name of a table or a column is the cause, and no value.
        (
            r"\b(relation|column|table|constraint|function|type|index|schema|role|trigger)( of relation)? \"([^\"]{1,100})\"",
            r"\1\2 \3",
        ),
        (r"\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)|`[^`]{1,200}`", "<text>"),
        # Random words: letters and digits by turns.
        (r"\b[a-z]*\d+[a-z]+\d+[a-z0-9]*\b|\b[a-z]+\d+[a-z]+[a-z0-9]*\b", "<id>"),
        (r"\b\d+(\.\d+)?\s?(ms|s|sec|seconds|m|min|h|kb|mb|gb|bytes)\b", "<quantity>"),
        (r"\d+", "<n>"),
        (r"<n>(\.<n>)+", "<n>"),
        (r"<(n|text|id|hex)>(, ?<\1>)+", r"<\1>"),
    )
)
# Where an application happens to lie, which says nothing about the error.
_SCHEME = re.compile(r"^(?:https?://[^/]+|file://(?=/)|[a-z][a-z0-9+.-]+:/{2,3}|[a-z]:(?=/))(?:\./)?", re.IGNORECASE)
_ROOT = re.compile(
    r"^/(?:var/task|var/www/[^/]+|usr/src/[^/]+|(?:home|Users)/[^/]+/[^/]+|(?:srv|opt|data|mnt|workspace)/[^/]+|app)(?=/)",
    re.IGNORECASE,
)
_DEPLOYED = re.compile(r"(?:^|(?<=/)|/)(?:releases/[^/]+|current|\.next/server|dist|build)(?=/)")
_PACKAGES = re.compile(r".*/(?=(?:site-packages|dist-packages|node_modules)/)")
# Hashes in the names of assets change with each build.
_BUILD = re.compile(r"[.-](?:[0-9a-f]{8,}|(?=[A-Za-z_]*\d)(?=\d*[A-Za-z])\w{8,})(?=\.)")
_MINIFIED = re.compile(r"(?:[A-Za-z_$]{1,2}\d?\.)*[A-Za-z_$]{1,2}\d?|<anonymous>|\?|")
# What a compiler or a loop puts around an async function.
_WRAPPER = re.compile(
    r"asyncGeneratorStep|_asyncToGenerator|__awaiter|_next|_throw|fulfilled|rejected|new Promise|Generator\.\w+"
    r"|Promise\.\w+( \(index \d+\))?|processTicksAndRejections|runMicrotasks|run_until_complete|_run_once|run_in_executor"
)
_OWNER = re.compile(r"^(?:async |new )?(?:(?:Object|Module|exports|module\.exports|Function|Server|Context|Array|_?[Tt]his)\.)*")


def fingerprint_of(event: dict[str, Any]) -> str:
    """ "1:" and 32 hex digits, the same for occurrences of the same error.

    The client's own fingerprint decides where it gave one; else type and in-app frames of the exception and its
    causes, without line numbers; else the type with the normalised message, and the frames of a stack that came as text.
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
    message = str(event.get("message") or "")
    # A message that was captured comes with the stack of its capture, and without any type.
    types = [str(link["type"]) for link in event.get("exceptions") or [] if link.get("type")]
    types = types or ([str(event["type"])] if event.get("type") else [])
    frames = event.get("frames") or []
    text = "" if frames else str(event.get("stack") or "")
    places = _places_of(frames or frames_of_text(text))
    if not types or not places:
        return "|".join([*types, normalise(message)])
    sqlstate = _SQLSTATE.search(message)
    # Without one name left that a person gave, the message has to tell two causes apart.
    is_nameless = all(place.endswith(":") for place in places)
    # A text says less surely what it is than frames do: there the message counts as well.
    told = [normalise(message)] if is_nameless or text else []
    return "|".join([*types, sqlstate[1] if sqlstate else "", *places, *told])


def _places_of(frames: list[dict[str, Any]]) -> list[str]:
    """Where the in-app frames stand, without wrappers; recursion of any depth is one step."""
    places: list[str] = []
    for frame in frames:
        if frame.get("in_app") is False:
            continue
        place = _place_of(str(frame.get("module") or ""), str(frame.get("filename") or ""), str(frame.get("function") or ""))
        if place and place != (places[-1] if places else None):
            places.append(place)
    return places


# The same few hundred places make up nearly all stacks.
@functools.lru_cache(maxsize=20_000)
def _place_of(module: str, filename: str, function: str) -> str | None:
    if _WRAPPER.fullmatch(function):
        return None
    path = _path_of(filename)
    function = re.sub(r" \[as [^\]]*\]$", "", _OWNER.sub("", function))
    function = re.sub(r"(<lambda>|lambda)[\w$]*", "<lambda>", function)
    if re.search(r"\.[cm]?jsx?$", path) and _MINIFIED.fullmatch(function):
        function = ""
    return f"{normalise(module) if module else path}:{function}"


def _path_of(filename: str) -> str:
    path = re.split(r"[?#]", filename.replace("\\", "/"), maxsplit=1)[0]
    path = _DEPLOYED.sub("", _ROOT.sub("", _PACKAGES.sub("", _SCHEME.sub("", path))))
    return normalise(_BUILD.sub("", path)).lstrip("/")
