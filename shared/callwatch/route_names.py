"""Names of endpoints without ids, so that the calls of one endpoint count together."""

import functools
import re

# Parts that differ from call to call: a framework or a program may name a request by the path of one call.
_ID = (
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{12,}|(?=(?:[A-Za-z_-]*\d){3})[\w-]{16,}"
    r"|\d{4}-\d\d-\d\d|\+?\d[\d().-]{6,}"
)
# A number behind these is a version: "/api/0/projects".
_VERSIONED = frozenset({"api", "rest", "version", "v"})
_MAX_VERSION_CHARS = 2
_STATUS_PAGES = ("/404", "/500")
_MAX_METHOD_CHARS = 10
_MAX_CHARS = 4_000


def split_method(name: str) -> tuple[str, str]:
    """The method of an endpoint's name with the blank behind it, or an empty text; and the rest, which is a route's name."""
    method, blank, rest = name.partition(" ")
    is_method = blank == " " and method.isalpha() and method.isupper() and len(method) <= _MAX_METHOD_CHARS
    return (f"{method} ", rest) if is_method else ("", name)


def replace_ids(name: str) -> str:
    """The name of an endpoint; of a path, without its query, each differing part is `{id}`. A method stays."""
    start, rest = split_method(name)
    path = rest[:_MAX_CHARS].partition("?")[0].partition("#")[0]
    if not path.startswith("/"):
        return name
    if path in _STATUS_PAGES:
        # Next.js calls its pages for errors "/404" and "/500".
        return start + path
    parts = path.split("/")
    return start + "/".join("{id}" if _is_id(parts, number) else part for number, part in enumerate(parts))


def _is_id(parts: list[str], number: int) -> bool:
    part = parts[number]
    is_version = len(part) <= _MAX_VERSION_CHARS and number > 0 and parts[number - 1].lower() in _VERSIONED
    return not is_version and _compile_id().fullmatch(part) is not None


@functools.cache
def _compile_id() -> re.Pattern[str]:
    # With the first path: most functions that import this name no endpoint.
    return re.compile(_ID, re.IGNORECASE)
