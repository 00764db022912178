"""What people do to the routes of the page: add, change, move, remove. Each save keeps who, when, why, before and after.

A save is all of them at once, made from a version: so two editors cannot overwrite each other, and the order is part of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callwatch.alerts.actions import require_reason
from callwatch.alerts.notifications.channels import list_names
from callwatch.alerts.routing.known_routes import load_current
from callwatch.alerts.routing.own_routes import OwnRoutes, parse_own_routes
from callwatch.alerts.routing.route import Route
from callwatch.alerts.routing.routes_in_force import get_routes
from callwatch.db import lock_in_transaction
from callwatch.db.alert_queries.own_routes import add_route_version, read_current_routes
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, Invalid, LockUnavailable, Unavailable
from callwatch.settings import Settings
from callwatch.times import format_time

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import RouteChange

_WAIT_S = 3.0
_NO_REASON = "no reason given"
_FIELDS = ("version", "routes", "reason")
_WORDS = {"add": "added", "change": "changed", "remove": "removed", "move": "moved"}
_MAX_SUMMARY = 500


def check_own_routes(given: object, settings: Settings) -> tuple[Route, ...]:
    """Check routes as they would be saved. Raises Invalid."""
    names = frozenset(list_names(settings))
    return parse_own_routes(given, names.__contains__, {route.name for route in get_routes(settings).routes})


def replace_own_routes(conn: AnyConnection, given: Any, actor: str, settings: Settings) -> None:
    """Replace all routes of the page by those of a body of PUT /api/routes. The caller commits.

    What is in force already is no new version, so that a request may be repeated. Raises Invalid, Unavailable, and Conflict if
    somebody saved another version meanwhile.
    """
    if not isinstance(given, dict) or set(given) - set(_FIELDS):
        raise Invalid("routes", f"must come in an object with {', '.join(_FIELDS)} and nothing else")
    reason, version = require_reason(given, _NO_REASON), given.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise Invalid("version", "must be the version of GET /api/routes from which the routes were made")
    routes = [dict(route.definition) for route in check_own_routes(given.get("routes"), settings)]
    _take_turns(conn)
    row = read_current_routes(conn)
    before = load_current(row) if row is not None else OwnRoutes()
    if row is not None and _is_same(json.loads(row["routes"]), routes):
        return
    if version != before.version:
        who = f"{row['actor']} at {format_time(row['at'])}" if row is not None else "nobody"
        raise Conflict(
            f"version {before.version} of the routes is in force, saved by {who}, and not {version}; load the routes again, and"
            " repeat the change",
            code="changed_meanwhile",
        )
    changes = list_route_changes(before.definitions, routes)
    add_route_version(conn, version + 1, actor, reason, summarize(changes), changes, routes)


def list_route_changes(before: Sequence[Mapping[str, object]], after: Sequence[Mapping[str, object]]) -> list[RouteChange]:
    """Return what became of each route, by name: those that are left in their order, then those that were removed."""
    old = {str(each.get("name")): dict(each) for each in before}
    new = {str(each["name"]): dict(each) for each in after}
    moved = _find_moved([name for name in old if name in new], [name for name in new if name in old])
    changes: list[RouteChange] = []
    for name, definition in new.items():
        if name not in old:
            changes.append({"name": name, "action": "add", "after": definition})
        elif not _is_same(old[name], definition):
            changes.append({"name": name, "action": "change", "before": old[name], "after": definition})
        if name in moved:
            changes.append({"name": name, "action": "move"})
    gone: list[RouteChange] = [
        {"name": name, "action": "remove", "before": each} for name, each in old.items() if name not in new
    ]
    return changes + gone


def summarize(changes: Sequence[RouteChange]) -> str:
    """Return what changed in words, such as "night added, mail removed"."""
    words = ", ".join(f"{change['name']} {_WORDS[change['action']]}" for change in changes)
    return words if len(words) <= _MAX_SUMMARY else words[: _MAX_SUMMARY - 1] + "…"


def _find_moved(old: list[str], new: list[str]) -> set[str]:
    """Return the fewest names whose removal leaves two orders of the same names equal."""
    place = {name: number for number, name in enumerate(old)}
    # For each name of the new order, the longest chain that ends in it and is in the old order too.
    chains: list[list[str]] = [[]]
    for name in new:
        before = sorted((chain for chain in chains if not chain or place[chain[-1]] < place[name]), key=len)
        chains.append([*before[-1], name])
    return set(new) - set(sorted(chains, key=len)[-1])


def _is_same(one: object, other: object) -> bool:
    """Whether two values are the same JSON, in which true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _take_turns(conn: AnyConnection) -> None:
    try:
        lock_in_transaction(conn, "own_routes", _WAIT_S)
    except LockUnavailable:
        raise Unavailable("the routes are being changed; try again", code="busy", retry_after_s=2) from None
