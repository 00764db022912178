"""PII_ROUTES: the product's routes whose responses hold personal data, each access to which must be recorded."""

import re
from collections.abc import Iterable

from callwatch.settings.values import split_entries

MAX_ROUTES = 50
_MAX_CHARS = 200
_ENTRY = re.compile(r"(?:([A-Z]{3,7}) +)?(/[^\s,?#]*)")
# How frameworks write a part that varies: {id}, :id, [id], <id>, *.
_VARIABLE = re.compile(r"\{[^}]*\}|:[\w-]+|\[[^\]]*\]|<[^>]*>|\*")


class PiiRoute:
    """One route. name: as it was configured, which is how its figures are labeled."""

    __slots__ = ("_method", "_parts", "name")

    def __init__(self, name: str, method: str | None, path: str) -> None:
        self.name = name
        self._method = method
        self._parts = _split(path)

    def covers(self, method: str | None, path: str) -> bool:
        """Whether a request is one to this route. A variable part matches any part; a method that nobody names matches any."""
        if self._method and method and self._method != method:
            return False
        parts = _split(path)
        return len(parts) == len(self._parts) and all(
            own == other or _VARIABLE.fullmatch(own) is not None for own, other in zip(self._parts, parts, strict=True)
        )


def parse_pii_routes(raw: str) -> tuple[PiiRoute, ...]:
    """Routes, comma-separated: a path, with or without a method before it."""
    found = []
    for entry in split_entries(raw):
        match = _ENTRY.fullmatch(entry)
        if match is None or len(entry) > _MAX_CHARS:
            raise ValueError("routes such as GET /api/calls/{id}, comma-separated, each a path with or without a method")
        found.append(PiiRoute(" ".join(entry.split()), match[1], match[2]))
    if len(found) > MAX_ROUTES:
        raise ValueError(f"at most {MAX_ROUTES} routes")
    return tuple(found)


def find_pii_route(routes: Iterable[PiiRoute], route: str, method: str | None = None) -> str | None:
    """The name of the configured route that a request belongs to; None for any other.

    route: a path, or a method and a path.
    """
    first, _, rest = route.partition(" ")
    if rest.startswith("/"):
        method, route = first.upper(), rest
    return next((each.name for each in routes if each.covers(method, route)), None)


def _split(path: str) -> list[str]:
    return path.rstrip("/").split("/")
