"""The routes in force, for people: as the page or the file has them, and which of their channels can be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callwatch.alerts.evaluation.linear_regex import is_match
from callwatch.alerts.notifications.channels import is_configured
from callwatch.alerts.routing.known_routes import read_own_routes, restore_own_routes
from callwatch.alerts.routing.route import Route
from callwatch.alerts.routing.routes_file import list_named_channels
from callwatch.alerts.routing.routes_in_force import RoutesInForce, join_routes
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.db.alert_queries.own_routes import VersionRow, list_route_versions
from callwatch.db.core.connect import AnyConnection
from callwatch.models.alert import RouteSource
from callwatch.models.reason import DATABASE_UNAVAILABLE
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RouteItem, RoutePage

_MOST_VERSIONS = 20


def show_routes(conn: AnyConnection, settings: Settings) -> RoutePage:
    """Return all routes in their order: there are at most 300. They hold names of channels, and no secret."""
    rules = [rule.id for rule in list_rules_in_force(conn, settings)]
    return _show_page(join_routes(settings, read_own_routes(conn)), settings, list_route_versions(conn, _MOST_VERSIONS), rules)


def show_known_routes(settings: Settings, why: str) -> RoutePage:
    """Return the routes while the database cannot be read: those of the file, and those of the page as they were read last."""
    found = _show_page(join_routes(settings, restore_own_routes(why)), settings, None, None)
    items = enumerate(found["items"])
    hidden = ["version", "history", *(f"items.{place}.rules_unknown" for place, item in items if item["rules_unknown"] is None)]
    return {**found, "version": None, "unknown": dict.fromkeys(hidden, DATABASE_UNAVAILABLE)}


def _show_page(
    found: RoutesInForce, settings: Settings, history: Sequence[VersionRow] | None, rules: Sequence[str] | None
) -> RoutePage:
    return {
        "source": "file" if found.is_from_file else "default",
        "problem": found.problem,
        "version": found.own.version,
        "page_problem": "; ".join(found.list_page_problems()) or None,
        "items": [_show(route, found.name_source(place), settings, rules) for place, route in enumerate(found.routes)],
        "history": None if history is None else [{**row} for row in history],
        "next_cursor": None,
        "unknown": {},
    }


def _show(route: Route, source: RouteSource, settings: Settings, rules: Sequence[str] | None) -> RouteItem:
    named = list(dict.fromkeys(channel for _field, channel in list_named_channels(route)))
    return {
        "name": route.name,
        "source": source,
        "definition": dict(route.definition),
        "matches_all": route.match.is_everything,
        "channels": list(route.channels or ()),
        "uses_rule_channels": route.channels is None,
        "channels_not_configured": [name for name in named if not is_configured(name, settings)],
        "rules_unknown": None if rules is None and route.match.rules else _list_unknown_rules(route, rules or ()),
    }


def _list_unknown_rules(route: Route, known: Sequence[str]) -> list[str]:
    """Return what it names as rules, as it is written, that fits none of the known ones."""
    given = route.definition["match"]["rule"] if route.match.rules else []
    texts = [given] if isinstance(given, str) else given
    named = zip(texts, route.match.rules, strict=True)
    return [text for text, pattern in named if not any(is_match(pattern, rule_id) for rule_id in known)]
