"""The routes of the page as they were read last: they stay in force while the database cannot be read."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from callwatch.alerts.guarded_writes import run_isolated
from callwatch.alerts.outage.memory import Memory
from callwatch.alerts.routing.own_routes import OwnRoutes, load_own_routes
from callwatch.alerts.routing.routes_in_force import RoutesInForce, join_routes
from callwatch.db.alert_queries.own_routes import CurrentRoutes, read_current_routes
from callwatch.db.core.connect import AnyConnection, extract_first_line
from callwatch.db.error_queries.group_places import list_group_places
from callwatch.settings import Settings
from callwatch.settings.variables import SettingProblem

# An id is a bigint.
_MAX_DIGITS = 19
# Of this execution environment, like what is remembered of an outage.
KNOWN = Memory("callwatch-routes.json")


def read_own_routes(conn: AnyConnection) -> OwnRoutes:
    """Read the routes of the page, and remember them."""
    row = read_current_routes(conn)
    if row is None:
        KNOWN.save({"version": 0, "routes": "[]"})
        return OwnRoutes()
    KNOWN.save({"version": row["version"], "routes": row["routes"]})
    return load_current(row)


def load_current(row: CurrentRoutes) -> OwnRoutes:
    """Build the routes of the version in force."""
    return load_own_routes(row["version"], row["routes"])


def restore_own_routes(why: str) -> OwnRoutes:
    """Return the routes that were read last; why: what keeps them from being read again."""
    known = KNOWN.load()
    version, text = known.get("version"), known.get("routes")
    if not isinstance(version, int) or not isinstance(text, str):
        return OwnRoutes(version=None, stale=why)
    found = load_own_routes(version, text)
    return replace(found, stale=why)


def read_routes_in_force(conn: AnyConnection, settings: Settings) -> tuple[RoutesInForce, Exception | None]:
    """Return all routes; those of the page as they were read last if they cannot be read, with the error.

    Raises what ends the connection.
    """
    own, error = run_isolated(conn, lambda: read_own_routes(conn))
    if error is not None:
        return join_routes(settings, restore_own_routes(extract_first_line(error))), error
    return join_routes(settings, own or OwnRoutes()), None


def add_groups(conn: AnyConnection, routes: RoutesInForce, labels: Iterable[Mapping[str, str]]) -> RoutesInForce:
    """Return the routes with the places of the groups of errors that some labels name, if a route asks for one.

    Alerts of a group have no label for its project, and those of a spike none for its environment.
    """
    named = (each.get("group", "") for each in labels) if routes.is_by_place() else ()
    ids = sorted({int(text) for text in named if text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS})
    places = list_group_places(conn, ids) if ids else []
    return replace(
        routes,
        groups={str(row["id"]): {"project": str(row["project_id"]), "environment": row["environment"]} for row in places},
    )


def list_page_problems(conn: AnyConnection, settings: Settings) -> list[SettingProblem]:
    """Return what is wrong with the routes of the page, as one problem. Raises what ends the connection."""
    routes, _error = read_routes_in_force(conn, settings)
    problems = routes.list_page_problems()
    return [SettingProblem("#/routes", "; ".join(problems), "routes")] if problems else []
