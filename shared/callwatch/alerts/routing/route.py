"""A route: which alerts it matches, and what becomes of their notifications. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.evaluation.groups import name_route_group
from callwatch.alerts.evaluation.linear_regex import is_match
from callwatch.alerts.evaluation.recurrence import Recurrence
from callwatch.alerts.evaluation.silences import LabelMatcher


@dataclass(frozen=True, slots=True)
class Match:
    """What a route matches; each part that is given must hold.

    levels, rules, labels: alternatives, as patterns of linear_regex for the rule's id and the labels' values. tests: of one
    label each. hours: the alert began within one of these windows.
    """

    levels: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tests: tuple[LabelMatcher, ...] = ()
    hours: Recurrence | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it matches every alert."""
        return not (self.levels or self.rules or self.labels or self.tests or self.hours)

    def holds(self, rule_id: str, level: str, labels: Mapping[str, str], began_at: datetime) -> bool:
        """Whether an alert matches. A label that it does not have counts as an empty text."""
        return (
            (not self.levels or level in self.levels)
            and (not self.rules or _is_any(self.rules, rule_id))
            and all(_is_any(patterns, labels.get(name, "")) for name, patterns in self.labels.items())
            and all(test.matches(labels) for test in self.tests)
            and (self.hours is None or self.hours.find_window(began_at) is not None)
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an escalation: how long after the first notification, and to which channels."""

    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """When a route sends its daily digest: a local time of a zone."""

    times: Recurrence

    def find_next(self, now: datetime) -> datetime:
        """Return the time of the next digest."""
        return self.times.find_next(now)


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    channels: where its alerts go; None: to the channels of their rules. group_by: alerts with equal values of these labels
    are one notification; None: alerts are notified one by one. wait: how long the first notification waits for further
    alerts. repeat: by level, after how long an alert that nobody took is repeated; None at a level: never. escalation: who is
    notified next while nobody takes the incident. digest: alerts of level info are collected for it. quiet: in these windows only
    critical alerts are notified. definition: the route as the file has it.
    """

    name: str
    match: Match = field(default_factory=Match)
    channels: tuple[str, ...] | None = None
    group_by: tuple[str, ...] | None = None
    wait: timedelta = timedelta(0)
    repeat: Mapping[str, timedelta | None] = field(default_factory=dict)
    escalation: tuple[Step, ...] = ()
    digest: Digest | None = None
    definition: Mapping[str, Any] = field(default_factory=lambda: {"name": "default"}, compare=False)
    quiet: Recurrence | None = None

    def name_group(self, labels: Mapping[str, str]) -> str | None:
        """Name the group of an alert with these labels; None if the route groups nothing."""
        if self.group_by is None:
            return None
        return name_route_group(self.name, [labels.get(name, "") for name in self.group_by])


# Without ROUTES_FILE: each alert goes to the channels of its rule.
DEFAULT_ROUTES = (Route("default"),)


def find_route(
    routes: Sequence[Route], rule_id: str, level: str, labels: Mapping[str, str], began_at: datetime
) -> tuple[int, Route]:
    """Return the first route that matches, and its place; the last route matches every alert."""
    return next(
        (place, route)
        for place, route in enumerate(routes)
        if route.match.is_everything or route.match.holds(rule_id, level, labels, began_at)
    )


def _is_any(patterns: Sequence[str], text: str) -> bool:
    return any(is_match(pattern, text) for pattern in patterns)
