"""Where alerts go by their routes: what a person asks, and what the routes say."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from callwatch.models.alert import Level, RouteSource
from callwatch.models.constraints import About, Entries, Items, Number, Text
from callwatch.models.shapes.unknown import Known

_LABELS = dict[Annotated[str, Text(100, 1)], Annotated[str, Text(200)]]
_ROUTES = Annotated[
    list[dict[str, Any]],
    Items(0, 100),
    About("The routes of the page in their order, each as ROUTES_FILE has it (docs/routes.md)."),
]
RouteVerb = Literal["add", "change", "remove", "move"]


class NewRouteDryRun(TypedDict, total=False):
    """An alert, real or imagined."""

    rule_id: Required[Annotated[str, Text(100, 1)]]
    labels: Annotated[_LABELS, Entries(20)]
    at: Annotated[str, About("When it begins, an ISO 8601 time; if it is left out: now.")]
    routes: Annotated[_ROUTES, About("A draft: routes of the page to try instead of those in force.")]


class NewRoutes(TypedDict, total=False):
    """All routes of the page as they are to be. version: that of GET /api/routes, from which these were made."""

    version: Required[Annotated[int, Number(0)]]
    routes: Required[_ROUTES]
    reason: Annotated[str, Text(1_000, 1, r"\S"), About("If it is left out: no reason given.")]


class PassedRoute(TypedDict):
    """An earlier route that does not match, and why."""

    name: str
    because: str


class RouteItem(TypedDict):
    """One route.

    definition: as ROUTES_FILE has it (docs/routes.md). channels: empty if it keeps those of the rule
    (uses_rule_channels). channels_not_configured: those that it names, in a step of its escalation too, and that cannot be used.
    rules_unknown: what it names as rules and no rule is called, so that it matches none of them.
    """

    name: str
    source: RouteSource
    definition: dict[str, object]
    matches_all: bool
    channels: list[str]
    uses_rule_channels: bool
    channels_not_configured: list[str]
    rules_unknown: list[str] | None


class RouteChange(TypedDict):
    """What a version did to one route. before, after: its definition; neither for one that was only moved."""

    name: str
    action: RouteVerb
    before: NotRequired[dict[str, Any]]
    after: NotRequired[dict[str, Any]]


class RouteVersion(TypedDict):
    """Who saved a version of the routes of the page: when, why, and what it changed."""

    version: int
    at: datetime
    actor: str
    reason: str
    changes: list[RouteChange]


class RoutePage(Known):
    """GET and PUT /api/routes: in their order, of which an alert takes the first that matches.

    source: of the routes below those of the page; default if there is no file, or an error in it (`problem`). version: of the
    routes of the page, 0 if none was ever saved; null while the database cannot be read. page_problem: what is wrong with them.
    history: the newest 20 versions; null while the database cannot be read.
    """

    source: Annotated[str, About("file or default")]
    problem: str | None
    version: int | None
    page_problem: str | None
    items: list[RouteItem]
    history: list[RouteVersion] | None
    next_cursor: str | None


class RouteStep(TypedDict):
    """One step of an escalation."""

    after_s: float
    channels: list[str]


class RouteDryRun(Known):
    """POST /api/routes/dry-run.

    source: where the route comes from; `default` if there is no file, or an error in it (`problem`). passed: the routes before
    the one that matches. channels_not_configured: channels that the route names and that cannot be used. is_fallback: none of
    them can, so the alert goes to the channels of its rule. group: the values of the labels by which it is joined with others;
    null if it is notified by itself. repeat_s: null if it is not repeated. quiet_until: null if it is sent
    at once. next_digest_at: null if no digest collects it.
    """

    rule_id: str
    level: Level
    labels: dict[str, str]
    at: datetime
    source: RouteSource
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
