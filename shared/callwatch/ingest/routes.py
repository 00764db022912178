"""Makes the route of a request: the part that its calls have in common, without private data."""

import re
from typing import Any

from callwatch.scrubbing.sanitize import sanitize
from callwatch.scrubbing.text import scrub_text

MAX_CHARS = 300
# A part of a raw path that differs from call to call: numbers, UUIDs, hex, and long words with digits.
_VARIABLE = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,}|(?=(?:[A-Za-z_-]*\d){3})[\w-]{16,}"
    r"|\[[a-z-]+\]|\+?[\d().-]{7,}",
    re.IGNORECASE,
)

_PATH = re.compile(r"/|[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def normalize_route(name: str, is_raw: bool = False) -> str:
    """The route without query and fragment, sanitized and scrubbed.

    is_raw: it is the path of one call, not a name from a framework; parts that differ from call to call become `{id}`.
    A name that is no path keeps what follows "#": Rails names an action as in `CallsController#show`.
    """
    path = re.split(r"[?#]" if is_raw or _PATH.match(name) else r"\?", name, maxsplit=1)[0]
    if is_raw:
        path = re.sub(r"^[a-z][a-z0-9+.-]*://[^/]*", "", path, flags=re.IGNORECASE)
    path = clean_text(path, MAX_CHARS) or "/"
    if not is_raw:
        return path
    return "/".join("{id}" if _VARIABLE.fullmatch(part) else part for part in path.split("/")) or "/"


def clean_text(value: Any, limit: int) -> str | None:
    """A short text that PostgreSQL accepts and that holds nothing private; None for an empty one."""
    if value is None or value == "":
        return None
    sanitized, _marks = sanitize(str(value)[: 4 * limit])
    return scrub_text(str(sanitized))[:limit]
