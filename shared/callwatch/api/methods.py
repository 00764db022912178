"""Which methods a path has: for the answer to a request with another one."""

import functools
from collections.abc import Iterable, Sequence

from callwatch.api.routes import INGEST_ENVELOPE, REFUSE_METHOD, ROUTES, SERVE_UPLOADS

# Greedy routes whose functions know their paths themselves.
_OPEN_ROUTES = (INGEST_ENVELOPE, SERVE_UPLOADS, REFUSE_METHOD)


def list_methods(path: str) -> tuple[str, ...]:
    """The methods of a path, in alphabetical order; none if no route fits it.

    Which ids exist is not looked up: /api/alerts/7 has a GET, whether or not there is an alert 7.
    """
    parts = path.split("/")
    found = {method for method, pattern in _read_patterns() if _fits(pattern, parts)}
    return tuple(sorted(found | {"HEAD"} if "GET" in found else found))


@functools.cache
def _read_patterns() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each method with the segments of its path."""
    named: Iterable[str] = (
        name for route in ROUTES.values() if route not in _OPEN_ROUTES for name in (f"{route.method} {route.path}", *route.also)
    )
    return tuple((method, tuple(path.split("/"))) for method, path in (name.split(" ", 1) for name in named))


def _fits(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    if pattern[-1].endswith("+}"):
        is_long = len(parts) >= len(pattern) and any(parts[len(pattern) - 1 :])
        return is_long and _fits(pattern[:-1], parts[: len(pattern) - 1])
    return len(pattern) == len(parts) and all(map(_fits_segment, pattern, parts))


def _fits_segment(wanted: str, part: str) -> bool:
    if wanted == "{project}":
        return part.isascii() and part.isdigit()
    return bool(part) if wanted.startswith("{") else wanted == part
