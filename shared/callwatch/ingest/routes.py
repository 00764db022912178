"""Makes the route of a request: the part that its calls have in common, without private data."""

import re
from typing import Any

from callwatch.scrubbing.sanitize import sanitize
from callwatch.scrubbing.text import scrub_text

MAX_CHARS = 300
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
# OpenTelemetry's word for a method that is none of these, or was not sent.
OTHER_METHOD = "_OTHER"
# A part of a raw path that differs from call to call: numbers, UUIDs, hex, and long words with digits.
_VARIABLE = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,}|(?=(?:[A-Za-z_-]*\d){3})[\w-]{16,}"
    r"|\[[a-z-]+\]|\+?[\d().-]{7,}",
    re.IGNORECASE,
)

_PATH = re.compile(r"/|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
_METHOD = re.compile(r"[A-Z]{3,10} (?=/|[a-z][a-z0-9+.-]*://)")
_MAX_NAME_CHARS = 4_000


def normalize_route(name: str, is_raw: bool = False) -> str:
    """The route without query and fragment, sanitized and scrubbed.

    is_raw: it is the path of one call, not a name from a framework; parts that differ from call to call become `{id}`.
    A name that is no path keeps what follows "#": Rails names an action as in `CallsController#show`.
    """
    path = re.split(r"[?#]" if is_raw or _PATH.match(name) else r"\?", name, maxsplit=1)[0]
    if is_raw:
        path = _HOST.sub("", path)
    path = clean_text(path, MAX_CHARS) or "/"
    if not is_raw:
        return path
    return "/".join("{id}" if _VARIABLE.fullmatch(part) else part for part in path.split("/")) or "/"


def normalize_method(method: Any) -> str:
    """One of METHODS, or OTHER_METHOD for any other and for one that was not sent."""
    word = str(method).upper()
    return word if word in METHODS else OTHER_METHOD


def is_path_of_call(name: str, source: Any, url: Any) -> bool:
    """Whether the name of a trace or of an error is the path of one call, with or without its method.

    source: what the SDK says about the name. SDKs from before that field, and programs that set a name by hand, say nothing or
    "custom": then the name is compared with the URL of the request.
    """
    if source == "url":
        return True
    if source == "route" or not isinstance(url, str) or not url:
        return False
    paths = (re.split(r"[?#]", text[:_MAX_NAME_CHARS], maxsplit=1)[0] for text in (_METHOD.sub("", name, count=1), url))
    named, called = (_HOST.sub("", path) or "/" for path in paths)
    return named.startswith("/") and named.rstrip("/") == called.rstrip("/")


def name_endpoint(name: str, source: Any, url: Any) -> str:
    """Where an error happened. Of the path of one call, parts that differ from call to call become `{id}`; a method stays."""
    if not is_path_of_call(name, source, url):
        return name
    method = _METHOD.match(name)
    start = method[0] if method else ""
    return start + normalize_route(name[len(start) : _MAX_NAME_CHARS], is_raw=True)


def clean_text(value: Any, limit: int) -> str | None:
    """A short text that PostgreSQL accepts and that holds nothing private; None for an empty one."""
    if value is None or value == "":
        return None
    sanitized, _marks = sanitize(str(value)[: 4 * limit])
    return scrub_text(str(sanitized))[:limit]
