"""Makes the route of a request: the part that its calls have in common, without private data."""

import re
from typing import Any

from callwatch.route_names import replace_ids
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

    Parts that differ from call to call become `{id}`: numbers, UUIDs, hashes, dates. is_raw: it is the path of one call and not
    a name from a framework, so that shorter hashes and private values are ids too.
    A name that is no path keeps what follows "#": Rails names an action as in `CallsController#show`.
    """
    path = re.split(r"[?#]" if is_raw or _PATH.match(name) else r"\?", name, maxsplit=1)[0]
    if is_raw:
        path = _HOST.sub("", path)
    path = clean_text(path, MAX_CHARS) or "/"
    if not is_raw:
        return replace_ids(path) if path.startswith("/") else path
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


def name_endpoint(name: str, source: Any = None, url: Any = None) -> str:
    """Where an error happened, named like the route of a request; a method stays. A name that is no path stays as it is."""
    method = _METHOD.match(name)
    start = method[0] if method else ""
    path = name[len(start) : _MAX_NAME_CHARS]
    if is_path_of_call(name, source, url):
        return start + normalize_route(path, is_raw=True)
    # What a framework calls a route has no ids, whatever it looks like.
    return name if source == "route" else replace_ids(name[:_MAX_NAME_CHARS])


def clean_text(value: Any, limit: int) -> str | None:
    """A short text that PostgreSQL accepts and that holds nothing private; None for an empty one."""
    if value is None or value == "":
        return None
    sanitized, _marks = sanitize(str(value)[: 4 * limit])
    return scrub_text(str(sanitized))[:limit]
