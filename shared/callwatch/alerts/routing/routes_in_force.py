"""The routes in force: those of the page, then those of ROUTES_FILE or the default one; and what they mean for an alert."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from callwatch.alerts.evaluation.context import Handling, handle_by_level
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.channels import is_configured, list_channels, list_names
from callwatch.alerts.routing.own_routes import OwnRoutes
from callwatch.alerts.routing.route import DEFAULT_ROUTES, Route, find_route
from callwatch.alerts.routing.routes_file import FILE, read_routes
from callwatch.alerts.rules.rule import CHANNEL_BROKEN, AlertRule
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertLevel, RouteSource
from callwatch.settings import Settings
from callwatch.settings.variables import SettingProblem

_PLACES = frozenset({"project", "environment"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoutesInForce:
    """The routes, and why those of the file are not in force, if so.

    own: those of the page, which are the first of them. groups: by the id of a group of errors what its alerts match in addition
    to their labels: project and environment.
    """

    routes: tuple[Route, ...] = DEFAULT_ROUTES
    problem: str | None = None
    is_from_file: bool = False
    own: OwnRoutes = field(default_factory=OwnRoutes)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def find(self, rule: AlertRule, labels: Mapping[str, str], began_at: datetime) -> tuple[int, Route]:
        """Return the route of an alert, and its place. It is decided by when the alert began, so that it stays the same."""
        return find_route(self.routes, rule.id, rule.level.value, self.complete(labels), began_at)

    def complete(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return the labels of an alert with those of its group of errors."""
        return {**self.groups.get(labels.get("group", ""), {}), **labels}

    def is_by_place(self) -> bool:
        """Whether a route matches by project or environment."""
        matches = (route.match for route in self.routes)
        return any(not _PLACES.isdisjoint({*each.labels, *(test.name for test in each.tests)}) for each in matches)

    def find_for(self, rule: AlertRule, instance: Instance) -> Route:
        """Return the route of an instance."""
        return self.find(rule, instance.labels, instance.began_at or instance.since)[1]

    def name_source(self, place: int) -> RouteSource:
        """Return where the route at a place comes from."""
        if place < len(self.own.routes):
            return "page"
        return "file" if self.is_from_file else "default"

    def list_page_problems(self) -> list[str]:
        """Return what is wrong with the routes of the page; a name that the file has too is one, and both are in force."""
        below = {route.name for route in self.routes[len(self.own.routes) :]}
        twice = [route.name for route in self.own.routes if route.name in below]
        return [*self.own.list_problems(), *(f"{name} is also the name of a route of the file; rename one" for name in twice)]


_read: dict[str, RoutesInForce] = {}


def check_routes(settings: Settings) -> RoutesInForce:
    """Read the routes once, at the start. Raises ConfigurationError."""
    found = get_routes(settings)
    if found.problem is not None:
        raise ConfigurationError(found.problem)
    return found


def join_routes(settings: Settings, own: OwnRoutes) -> RoutesInForce:
    """Return all routes in their order: those of the page stand before those of the file."""
    below = get_routes(settings)
    return replace(below, routes=(*own.routes, *below.routes), own=own)


def get_routes(settings: Settings) -> RoutesInForce:
    """Return the routes without those of the page; those of a file with an error are not in force, and the default one is."""
    if not settings.routes_file:
        return RoutesInForce()
    path = str(settings.routes_file)
    if path not in _read:
        _read[path] = _load_routes(path, settings)
    return _read[path]


def list_problems(settings: Settings) -> list[SettingProblem]:
    """Return the invalid settings, and the error in the routes' file if there is one."""
    problem = get_routes(settings).problem
    return [*settings.problems, *([SettingProblem(FILE, problem, "routes")] if problem is not None else [])]


def _load_routes(path: str, settings: Settings) -> RoutesInForce:
    try:
        routes = read_routes(Path(path), lambda name: name in list_names(settings))
    except ConfigurationError as error:
        _log.warning("setting cannot be used: %s (%s are not in force)", error, FILE)
        return RoutesInForce(problem=str(error))
    return RoutesInForce(routes, None, True)


def list_routed_channels(route: Route, rule: AlertRule, settings: Settings, labels: Mapping[str, str]) -> list[str]:
    """Return where an alert goes by a route; to the channels of its rule if none of the route's can be used."""
    own = list_channels(rule, settings, labels)
    if route.channels is None:
        return own
    about = labels.get("channel") if rule.id == CHANNEL_BROKEN else None
    return [name for name in route.channels if name != about and is_configured(name, settings)] or own


def build_handling(route: Route, rule: AlertRule, instance: Instance, now: datetime) -> Handling:
    """Return how an instance is notified by a route."""
    repeat = handle_by_level(rule, instance).repeat
    window = route.quiet.find_window(now) if route.quiet is not None and rule.level != AlertLevel.CRITICAL else None
    return Handling(
        route.name_group(instance.labels),
        route.wait,
        route.repeat.get(rule.level.value, repeat),
        window[1] if window is not None else None,
        is_collected(route, rule),
    )


def is_collected(route: Route, rule: AlertRule) -> bool:
    """Whether an alert of a rule waits for the daily digest of its route."""
    return route.digest is not None and rule.level == AlertLevel.INFO
