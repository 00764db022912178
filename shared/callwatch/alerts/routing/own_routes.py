"""Routes that people make on the page: JSON objects as in ROUTES_FILE, checked by the same code; each error names its field.

They stand before those of the file, whose last one matches every alert: so none of theirs may, and no alert is without a route.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.alerts.routing.route import Route
from callwatch.alerts.routing.routes_file import parse_route
from callwatch.alerts.rules.rules_entries import Entry
from callwatch.exceptions import Invalid

MAX_OWN_ROUTES = 100
_MAX_CHARS = 64_000
_NOT_A_LIST = 'must be a list of routes such as {"name": "night", "match": {"level": "critical"}, "channels": ["log"]}'
_TAKES_ALL = (
    'must say what the route matches, so that the routes below it get something; {"level": ["info", "warning", "error",'
    ' "critical"]} takes every alert on purpose'
)


@dataclass(frozen=True, slots=True)
class OwnRoutes:
    """The stored routes in their order.

    version: 0 if none was ever saved; None if they could not be read and are not remembered. definitions: as they are stored.
    broken: why a stored route is not in force, by its name. stale: why these are the last known ones, if they are.
    """

    version: int | None = 0
    routes: tuple[Route, ...] = ()
    definitions: tuple[Mapping[str, object], ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    stale: str | None = None

    def list_problems(self) -> list[str]:
        """Return what is wrong with them, for people."""
        broken = [f"the route {name} of the page is not in force: {why}" for name, why in self.broken.items()]
        if self.stale is None:
            return broken
        kept = "none was read here before" if self.version is None else f"version {self.version} was the last to be read here"
        return [f"the routes of the page cannot be read ({self.stale}); {kept}", *broken]


class _ListEntry(Entry):
    """A route in the body of a request: each error names its place in the list, which `line` is, and its field."""

    def build_error(self, name: str, remedy: str) -> Exception:
        """Return the error about a field."""
        return Invalid(f"routes.{self.line}.{name}", remedy)


def parse_own_routes(given: object, is_channel: Callable[[str], bool], taken: Collection[str]) -> tuple[Route, ...]:
    """Check a list of routes. taken: the names of the routes below them. Raises Invalid."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise Invalid("routes", _NOT_A_LIST)
    if len(given) > MAX_OWN_ROUTES or _measure(given) > _MAX_CHARS:
        raise Invalid("routes", f"must be at most {MAX_OWN_ROUTES} routes, with {_MAX_CHARS:,} characters as JSON")
    entries = [_ListEntry(place, item) for place, item in enumerate(given)]
    routes = tuple(parse_route(entry, is_channel) for entry in entries)
    seen: set[str] = set()
    for route, entry in zip(routes, entries, strict=True):
        if route.name in seen or route.name in taken:
            whose = "another route of the page" if route.name in seen else "a route of the file"
            raise entry.build_error("name", f"{route.name} is also the name of {whose}; it must be unique")
        seen.add(route.name)
        if route.match.is_everything:
            raise entry.build_error("match", _TAKES_ALL)
    return routes


def load_own_routes(version: int, text: str) -> OwnRoutes:
    """Build stored routes; one that is damaged costs only itself.

    A channel that the settings do not name any more is treated as one that is not configured.
    """
    routes: list[Route] = []
    broken: dict[str, str] = {}
    stored = _read_list(text)
    for place, item in enumerate(stored):
        definition = item if isinstance(item, dict) else {}
        name = definition.get("name")
        try:
            route = parse_route(_ListEntry(place, definition), lambda _channel: True)
            if route.match.is_everything or route.name in {each.name for each in routes}:
                raise Invalid(f"routes.{place}", "must match something, and have a name of its own")
            routes.append(route)
        except Invalid as error:
            broken[name if isinstance(name, str) and name else f"number {place + 1}"] = str(error)
    return OwnRoutes(version, tuple(routes), tuple(item for item in stored if isinstance(item, dict)), broken)


def _read_list(text: str) -> list[Any]:
    """Return the stored list; what is none is one entry that no route is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    return found if isinstance(found, list) else [found]


def _measure(given: Sequence[Mapping[str, object]]) -> float:
    try:
        return len(json.dumps(given))
    except RecursionError:
        return math.inf
