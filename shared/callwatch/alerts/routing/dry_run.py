"""Says where an alert would go: by which route, and why not by an earlier one. Nothing is stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callwatch.alerts.actions import find_rule
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.channels import list_channels
from callwatch.alerts.routing.known_routes import add_groups, read_own_routes
from callwatch.alerts.routing.own_route_changes import check_own_routes
from callwatch.alerts.routing.own_routes import OwnRoutes
from callwatch.alerts.routing.route import Match, Route
from callwatch.alerts.routing.routes_in_force import RoutesInForce, build_handling, join_routes, list_routed_channels
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Invalid
from callwatch.models.constraints import find_max_entries
from callwatch.models.shapes.alerting.routing import NewRouteDryRun
from callwatch.settings import Settings
from callwatch.times import to_utc

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.routing import PassedRoute, RouteDryRun

_MAX_LABELS = find_max_entries(NewRouteDryRun, "labels")
_MAX_LABEL = 200


def try_routes(conn: AnyConnection, given: Any, settings: Settings, now: datetime) -> RouteDryRun:
    """Return where an alert of a rule with these labels would go. Raises Invalid."""
    if not isinstance(given, dict):
        raise Invalid("rule_id", "must be given: {rule_id, labels, at}")
    rule_id = given.get("rule_id")
    rule = find_rule(conn, rule_id, settings) if isinstance(rule_id, str) else None
    if rule is None:
        raise Invalid("rule_id", "must be the id of a rule; GET /api/rules lists them")
    labels = _read_labels(given)
    routes = add_groups(conn, _find_routes(conn, given, settings), [labels])
    return show_route(routes, rule, labels, _read_at(given, now), settings)


def _find_routes(conn: AnyConnection, given: Mapping[str, Any], settings: Settings) -> RoutesInForce:
    """Return the routes in force, or with those of a draft instead of those of the page."""
    if "routes" not in given:
        return join_routes(settings, read_own_routes(conn))
    return join_routes(settings, OwnRoutes(routes=check_own_routes(given["routes"], settings)))


def show_route(routes: RoutesInForce, rule: AlertRule, labels: dict[str, str], at: datetime, settings: Settings) -> RouteDryRun:
    """Return where an alert of a rule goes that begins at a time."""
    place, route = routes.find(rule, labels, at)
    channels = list_routed_channels(route, rule, settings, labels)
    named = route.channels if route.channels is not None else channels
    handling = build_handling(route, rule, Instance("", rule.id, labels, "firing", at), at)
    passed: list[PassedRoute] = [
        {"name": each.name, "because": explain_mismatch(each.match, rule.id, rule.level.value, routes.complete(labels), at)}
        for each in routes.routes[:place]
    ]
    return {
        "rule_id": rule.id,
        "level": rule.level.value,
        "labels": labels,
        "at": at,
        "source": routes.name_source(place),
        "problem": routes.problem,
        "route": route.name,
        "passed": passed,
        "channels": channels,
        "channels_not_configured": [name for name in named if name not in channels],
        "is_fallback": route.channels is not None
        and not set(named) & set(channels)
        and channels == list_channels(rule, settings),
        "group": _show_group(route, labels),
        "wait_s": handling.wait.total_seconds(),
        "escalation": [{"after_s": step.after.total_seconds(), "channels": list(step.channels)} for step in route.escalation],
        "quiet_until": handling.quiet_until,
        "next_digest_at": route.digest.find_next(at) if route.digest is not None and handling.is_collected else None,
        "repeat_s": handling.repeat.total_seconds() if handling.repeat is not None else None,
        "unknown": {},
    }


def explain_mismatch(match: Match, rule_id: str, level: str, labels: Mapping[str, str], at: datetime) -> str:
    """Return the first part of a match that does not hold."""
    if match.levels and level not in match.levels:
        return f"level is {level}"
    if match.rules and not Match(rules=match.rules).holds(rule_id, level, labels, at):
        return f"rule is {rule_id}"
    for name, patterns in match.labels.items():
        if not Match(labels={name: patterns}).holds(rule_id, level, labels, at):
            return f"{name} is {labels.get(name) or 'not set'}"
    for test in match.tests:
        if not test.matches(labels):
            return f"{test.name} is {labels.get(test.name) or 'not set'}, and must be {test.op} {test.value}"
    return f"outside of its hours in {match.hours.timezone}" if match.hours is not None else "it matches"


def _show_group(route: Route, labels: Mapping[str, str]) -> dict[str, str] | None:
    return None if route.group_by is None else {name: labels.get(name, "") for name in route.group_by}


def _read_labels(given: Mapping[str, Any]) -> dict[str, str]:
    labels = given.get("labels", {})
    is_read = isinstance(labels, dict) and len(labels) <= _MAX_LABELS
    if not is_read or not all(isinstance(text, str) and len(text) <= _MAX_LABEL for text in labels.values()):
        raise Invalid("labels", f"must be an object of at most {_MAX_LABELS} texts of at most {_MAX_LABEL} characters")
    return dict(labels)


def _read_at(given: Mapping[str, Any], now: datetime) -> datetime:
    if given.get("at") is None:
        return now
    try:
        return to_utc(datetime.fromisoformat(given["at"]))
    except (ValueError, TypeError, OverflowError):
        raise Invalid("at", "must be an ISO 8601 time such as 2030-01-31T12:00:00Z") from None
