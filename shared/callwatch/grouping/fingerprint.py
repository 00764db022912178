"""Decides which occurrences are the same error: a fingerprint, with the version of the rules that made it.

Rules of a released version may only change together with VERSION: docs/decisions/0063 says how the groups of an older version
live on.
"""

import hashlib
import re
from typing import Any

from callwatch.grouping.normalize import normalize
from callwatch.grouping.places import list_places
from callwatch.grouping.sqlstate import find_sqlstate
from callwatch.grouping.stack_text import parse_frames
from callwatch.grouping.variables import fill_variables

VERSION = 2
_SEPARATOR = "|"
# Go's errors that hold a text alone: their stack, if any, is that of the place where they are reported.
_TEXT_ALONE = re.compile(
    r"\*?(?:errors\.(?:errorString|joinError|withMessage)|(?:fmt|xerrors)\.(?:wrapErrors?|errorString|noWrapError))"
)


def compute_fingerprint(event: dict[str, Any]) -> str:
    """ "2:" and 32 hex digits, the same for all occurrences of the same error.

    1. The client's own fingerprint decides if there is one, with its variables filled in. 2. Else the types and the in-app
    frames of the exception and of all its causes, without line numbers; the normalized message too where the innermost frame
    has no name, and where the types say no more than that there is an error (`*errors.errorString` of Go). 3. Without frames,
    the types and the normalized message: the template of a log entry, if there is one.
    """
    given = event.get("fingerprint")
    parts = fill_variables(given or ["{{ default }}"], event, lambda: _hash(_find_default(event)))
    return f"{VERSION}:{_hash(chr(0).join(parts))}"


def render_title(event: dict[str, Any]) -> str:
    """One line for people: "ValueError: invalid input"."""
    message = str(event.get("message") or "").strip()
    first = message.splitlines()[0] if message else "(no message)"
    kind = event.get("type")
    return (f"{kind}: {first}" if kind and not first.startswith(str(kind)) else first)[:300]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _find_default(event: dict[str, Any]) -> str:
    links = [link for link in event.get("exceptions") or [] if isinstance(link, dict)]
    frames = event.get("frames") or []
    text = "" if frames else str(event.get("stack") or "")
    places = list_places(frames or parse_frames(text))
    steps = _describe_links(links, places) if links else _describe_type(event.get("type"), places)
    has_types = bool(event.get("type")) or any(link.get("type") for link in links)
    has_places = bool(places) or any(link.get("frames") and list_places(link["frames"]) for link in links)
    if not has_types or not has_places:
        text = normalize(_find_message(event, links))
        # The client may give the code next to a message that says nothing.
        code = find_sqlstate(event) if event.get("type") else None
        return _SEPARATOR.join([*_list_types(event, links), text, *([code] if code and code not in text else [])])
    # Without a name that a person gave, and in a text, which shows less than frames, only the message distinguishes causes.
    innermost = places[-1] if places else ""
    is_needed = bool(text) or not innermost or innermost.endswith(":") or _are_texts_alone(_list_types(event, links))
    words = [normalize(str(event.get("message") or ""))] if is_needed else []
    return _SEPARATOR.join([*steps, find_sqlstate(event) or "", *words])


def _find_message(event: dict[str, Any], links: list[dict[str, Any]]) -> str:
    """The message; of a log entry without an exception its template, which is the same whatever was logged with it."""
    entry = event.get("logentry")
    template = entry.get("message") if isinstance(entry, dict) and not links and not event.get("type") else None
    return str(template or event.get("message") or "")


def _list_types(event: dict[str, Any], links: list[dict[str, Any]]) -> list[str]:
    types = [str(link["type"]) for link in links if link.get("type")]
    return types or ([str(event["type"])] if event.get("type") else [])


def _are_texts_alone(types: list[str]) -> bool:
    return all(_TEXT_ALONE.fullmatch(kind) for kind in types)


def _describe_type(kind: Any, places: list[str]) -> list[str]:
    return [str(kind or ""), *places]


def _describe_links(links: list[dict[str, Any]], last_places: list[str]) -> list[str]:
    """A text for each exception of a chain. The members of an exception group have no order, and repeat."""
    described: list[str] = []
    groups: list[str] = []
    for number, link in enumerate(links):
        frames = link.get("frames")
        places = last_places if number == len(links) - 1 else list_places(frames) if isinstance(frames, list) else []
        step = "\n".join([str(link.get("type") or ""), *places])
        mechanism = link.get("mechanism")
        if isinstance(mechanism, dict) and mechanism.get("is_exception_group"):
            groups.append(step)
        elif not described or described[-1] != step:
            described.append(step)
    return [*sorted(set(described)), *groups] if groups else described
