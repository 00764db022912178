"""Writes a place in the source into a frame, or why there is none."""

import re
from typing import Any

from callwatch.grouping.in_app import is_in_app
from callwatch.scrubbing.sanitize import sanitize
from callwatch.scrubbing.text import scrub_text
from callwatch.source_maps.look_up import Found, Token

# webpack://shop/./src/pay.ts, ../src/pay.ts, turbopack:///[project]/src/pay.ts
_PREFIX = re.compile(r"^(?:[a-z][a-z0-9+.-]*://[^/]*/)?(?:\[project\]/)?(?:\.{0,2}/)*", re.IGNORECASE)
_SHORT_NAME = re.compile(r"(?:async |new )?(?:Object\.)?(?:[\w$]{1,2}\.)*[\w$]{1,2}")
_KEPT = ("filename", "abs_path", "function", "module", "lineno", "colno")


def apply_token(frame: dict[str, Any], found: Found) -> dict[str, Any]:
    """The frame at its place in the source together with its minified place; or the frame with the code of why it has none."""
    if isinstance(found, str):
        return {**frame, "source_map": found}
    token = _clean(found)
    source = re.split(r"[?]", token["source"], maxsplit=1)[0]
    filename = _PREFIX.sub("", source) or source
    kept = {name: frame[name] for name in _KEPT if frame.get(name) is not None}
    others = {name: value for name, value in frame.items() if name not in (*_KEPT, *_LINES, "source_map")}
    mapped: dict[str, Any] = {
        **others,
        "filename": filename,
        "abs_path": source,
        "function": token["function"] or _keep_name(frame.get("function")),
        "lineno": token["line"],
        "colno": token["column"],
        # A bundle holds libraries too: the bundle's own frames are those of the application as far as their source is.
        "in_app": is_in_app({"filename": source}) and frame.get("in_app") is not False,
        **{name: token[name] for name in _LINES if token[name]},  # type: ignore[literal-required]
        "source_map": "applied",
        "minified": kept,
    }
    return {name: value for name, value in mapped.items() if value is not None}


_LINES = ("context_line", "pre_context", "post_context")


def _keep_name(function: Any) -> Any:
    """The name that was sent, where the map has none, unless a compiler may have made it up: the next build has another."""
    return "<anonymous>" if isinstance(function, str) and _SHORT_NAME.fullmatch(function) else function


def _clean(token: Token) -> Token:
    """The token as PostgreSQL accepts it, and without anything private in the lines."""
    sanitized, _kinds = sanitize(dict(token))
    given = dict(sanitized)
    line = given["context_line"]
    return {
        "source": str(given["source"]),
        "line": int(given["line"]),
        "column": int(given["column"]),
        "function": given["function"],
        "context_line": None if line is None else scrub_text(line),
        "pre_context": [scrub_text(text) for text in given["pre_context"]],
        "post_context": [scrub_text(text) for text in given["post_context"]],
    }
