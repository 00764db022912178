"""The route of a request: what its calls have in common, and nothing private."""

import re
from typing import Any

from callwatch.tracker.mend import mend
from callwatch.tracker.scrub_text import scrub_text

MAX_CHARS = 300
# A part of a raw path that differs from call to call: numbers, UUIDs, hex, and long words with digits in them.
_VARIABLE = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,}|(?=(?:[A-Za-z_-]*\d){3})[\w-]{16,}"
    r"|\[[a-z-]+\]|\+?[\d().-]{7,}",
    re.IGNORECASE,
)


def route_of(name: str, is_raw: bool = False) -> str:
    """The route without query and fragment, mended and scrubbed.

    is_raw: it is the path of one call, which no framework named; what differs from call to call becomes `{id}`.
    """
    path = re.split(r"[?#]", name, maxsplit=1)[0]
    if is_raw:
        path = re.sub(r"^[a-z][a-z0-9+.-]*://[^/]*", "", path, flags=re.IGNORECASE)
    path = clean_text(path, MAX_CHARS) or "/"
    if not is_raw:
        return path
    return "/".join("{id}" if _VARIABLE.fullmatch(part) else part for part in path.split("/")) or "/"


def clean_text(value: Any, limit: int) -> str | None:
    """A short text that PostgreSQL takes and that holds nothing private; None for nothing."""
    if value is None or value == "":
        return None
    mended, _marks = mend(str(value)[: 4 * limit])
    return scrub_text(str(mended))[:limit]
