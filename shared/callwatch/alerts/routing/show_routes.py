"""The routes in force, for people: as the file has them, and which of their channels can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.notifications.channels import is_configured
from callwatch.alerts.routing.route import Route
from callwatch.alerts.routing.routes_file import list_named_channels
from callwatch.alerts.routing.routes_in_force import get_routes
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RouteItem, RoutePage


def show_routes(settings: Settings) -> RoutePage:
    """Return all routes in their order: there are at most 200. A file holds names of channels, and no secret."""
    found = get_routes(settings)
    return {
        "source": "file" if found.is_from_file else "default",
        "problem": found.problem,
        "items": [_show(route, settings) for route in found.routes],
        "next_cursor": None,
        "unknown": {},
    }


def _show(route: Route, settings: Settings) -> RouteItem:
    named = list(dict.fromkeys(channel for _field, channel in list_named_channels(route)))
    return {
        "name": route.name,
        "definition": dict(route.definition),
        "matches_all": route.match.is_everything,
        "channels": list(route.channels or ()),
        "uses_rule_channels": route.channels is None,
        "channels_not_configured": [name for name in named if not is_configured(name, settings)],
    }
