"""Where alerts go by their routes: what a person asks, and what the routes say."""

from datetime import datetime
from typing import Annotated, Required, TypedDict

from callwatch.models.alert import Level
from callwatch.models.constraints import About, Entries, Text
from callwatch.models.shapes.unknown import Known

_LABELS = dict[Annotated[str, Text(100, 1)], Annotated[str, Text(200)]]


class NewRouteDryRun(TypedDict, total=False):
    """An alert, real or imagined."""

    rule_id: Required[Annotated[str, Text(100, 1)]]
    labels: Annotated[_LABELS, Entries(20)]
    at: Annotated[str, About("When it begins, an ISO 8601 time; if it is left out: now.")]


class PassedRoute(TypedDict):
    """An earlier route that does not match, and why."""

    name: str
    because: str


class RouteItem(TypedDict):
    """One route.

    definition: as ROUTES_FILE has it (docs/routes.md). channels: empty if it keeps those of the rule
    (uses_rule_channels). channels_not_configured: those that it names, in a step of its escalation too, and that cannot be used.
    """

    name: str
    definition: dict[str, object]
    matches_all: bool
    channels: list[str]
    uses_rule_channels: bool
    channels_not_configured: list[str]


class RoutePage(Known):
    """GET /api/routes: in their order, of which an alert takes the first that matches.

    source: default if there is no file, or an error in it (`problem`).
    """

    source: Annotated[str, About("file or default")]
    problem: str | None
    items: list[RouteItem]
    next_cursor: str | None


class RouteStep(TypedDict):
    """One step of an escalation."""

    after_s: float
    channels: list[str]


class RouteDryRun(Known):
    """POST /api/routes/dry-run.

    source: where the routes come from; `default` if there is no file, or an error in it (`problem`). passed: the routes before
    the one that matches. channels_not_configured: channels that the route names and that cannot be used. is_fallback: none of
    them can, so the alert goes to the channels of its rule. group: the values of the labels by which it is joined with others;
    null if it is notified by itself. repeat_s: null if it is not repeated. quiet_until: null if it is sent
    at once. next_digest_at: null if no digest collects it.
    """

    rule_id: str
    level: Level
    labels: dict[str, str]
    at: datetime
    source: Annotated[str, About("file or default")]
    problem: str | None
    route: str
    passed: list[PassedRoute]
    channels: list[str]
    channels_not_configured: list[str]
    is_fallback: bool
    group: dict[str, str] | None
    wait_s: float
    repeat_s: float | None
    escalation: list[RouteStep]
    quiet_until: datetime | None
    next_digest_at: datetime | None
