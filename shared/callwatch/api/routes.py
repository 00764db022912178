"""The table of routes: who may call what, what they send, and what they get back.

The template, the API document and the handlers share it. `Route[Body, Answer]` names the two shapes as types alone: mypy
checks that a handler returns its route's answer, tools/openapi.py reads them for the document, and at run time they are not
imported. A route's constant is the name of its file in functions/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from callwatch.models.role import Role

if TYPE_CHECKING:
    from callwatch.models.shapes.actions import ActionReason, GroupAction, GroupsAction, IncidentAction, NewSilence, RuleReason
    from callwatch.models.shapes.alerting.channels import ChannelPage, TestedChannel
    from callwatch.models.shapes.alerting.own_rules import DryRun, NewDryRun, NewRule
    from callwatch.models.shapes.alerting.routing import NewRouteDryRun, NewRoutes, RouteDryRun, RoutePage
    from callwatch.models.shapes.alerting.vendor_actions import VendorActions
    from callwatch.models.shapes.alerts import AlertDetail, AlertPage, MadeSilence, SilencePage
    from callwatch.models.shapes.error_groups import (
        ErrorGroupDetail,
        ErrorGroupPage,
        ErrorGroupState,
        GroupResults,
        OccurrenceDetail,
        UserErasure,
    )
    from callwatch.models.shapes.error_metrics import ErrorMetrics
    from callwatch.models.shapes.health import Health
    from callwatch.models.shapes.history import History
    from callwatch.models.shapes.incidents.incident import IncidentDetail, IncidentPage
    from callwatch.models.shapes.incidents.overview import Overview
    from callwatch.models.shapes.incidents.publication import NewPublication, Publication
    from callwatch.models.shapes.ingest import Accepted, CheckInAccepted, CrashesAccepted, EnvelopeAccepted, IngestPage
    from callwatch.models.shapes.jobs import JobMetrics
    from callwatch.models.shapes.new_error import NewError
    from callwatch.models.shapes.new_request import NewRequest
    from callwatch.models.shapes.pipeline import CronPage, Pipeline
    from callwatch.models.shapes.product.costs import Costs
    from callwatch.models.shapes.product.items import AcceptedReplay, Call, NewReplay, StageItemPage
    from callwatch.models.shapes.reporting.access import AccessPage, NewAccess
    from callwatch.models.shapes.reporting.mcp import McpMessage, McpResponse
    from callwatch.models.shapes.reporting.session import SessionState
    from callwatch.models.shapes.reporting.status_page import PageIncidents, PageSummary
    from callwatch.models.shapes.reporting.subscribers import MadeSubscriber, NewSubscriber, SubscriberPage
    from callwatch.models.shapes.reporting.weekly import WeeklyReport
    from callwatch.models.shapes.rules import Rule, RulePage
    from callwatch.models.shapes.status import Status
    from callwatch.models.shapes.system import SystemMetrics
    from callwatch.models.shapes.uptime import UptimeReport

Body = TypeVar("Body")
Answer = TypeVar("Answer")

_PAGE = "limit cursor"


@dataclass(frozen=True, slots=True)
class Route(Generic[Body, Answer]):
    """One route.

    role: who may call; None admits everybody. query: names of the query's parameters. status: of a success. most_items: a body
    may also be a list of at most this many items. is_documented: whether the API document describes it. also: other methods and
    paths of the same function, such as "GET /x".
    """

    method: str
    path: str
    role: Role | None
    summary: str
    query: str = ""
    status: int = 200
    most_items: int = 0
    is_documented: bool = True
    also: tuple[str, ...] = ()


GET_HEALTH: Route[None, Health] = Route("GET", "/api/health", None, "Whether all parts are healthy; all details with a token")
GET_STATUS: Route[None, Status] = Route("GET", "/api/status", "viewer", "Whether the product works, and what is wrong")
GET_OVERVIEW: Route[None, Overview] = Route(
    "GET", "/api/overview", "viewer", "All that the first view needs, with an ETag: 304 while nothing changed"
)
GET_METRICS_SYSTEM: Route[None, SystemMetrics] = Route(
    "GET", "/api/metrics/system", "viewer", "This process, the database, the product's API"
)
GET_METRICS_JOBS: Route[None, JobMetrics] = Route("GET", "/api/metrics/jobs", "viewer", "The product's queues")
GET_METRICS_ERRORS: Route[None, ErrorMetrics] = Route(
    "GET", "/api/metrics/errors", "viewer", "Errors", query="project environment"
)
GET_METRICS_HISTORY: Route[None, History] = Route(
    "GET", "/api/metrics/history", "viewer", "Time series for charts", query="metric range from to before step route rule"
)
GET_METRICS_PROMETHEUS: Route[None, str] = Route("GET", "/api/metrics/prometheus", "viewer", "The figures as Prometheus text")
GET_METRICS_COSTS: Route[None, Costs] = Route("GET", "/api/metrics/costs", "viewer", "What calls cost", query="range")
GET_PIPELINE: Route[None, Pipeline] = Route(
    "GET", "/api/pipeline", "viewer", "The product's stages, and with by=agency their figures by agency", query="by"
)
GET_CRONS: Route[None, CronPage] = Route(
    "GET", "/api/crons", "viewer", "The product's jobs", query=f"{_PAGE} state project environment source q"
)
LIST_STAGE_ITEMS: Route[None, StageItemPage] = Route(
    "GET", "/api/pipeline/{stage}/items", "viewer", "The items behind a count of a stage", query=f"{_PAGE} state"
)
REPLAY_ITEMS: Route[NewReplay, AcceptedReplay] = Route(
    "POST", "/api/pipeline/{stage}/replay", "admin", "Ask the product to work on items again", status=202
)
GET_CALL: Route[None, Call] = Route("GET", "/api/calls/{id}", "viewer", "One call on its way through the stages")
GET_UPTIME: Route[None, UptimeReport] = Route("GET", "/api/uptime", "viewer", "Uptime by service and day")
GET_INGEST: Route[None, IngestPage] = Route(
    "GET",
    "/api/ingest",
    "viewer",
    "What was accepted, refused and cut, and what clients discarded",
    query=f"{_PAGE} project since",
)
LIST_ERRORS: Route[None, ErrorGroupPage] = Route(
    "GET",
    "/api/errors",
    "viewer",
    "Error groups",
    query=f"{_PAGE} state severity category level environment release service type project q tag since until sort",
)
INGEST_ERRORS: Route[NewError, Accepted] = Route(
    "POST", "/api/errors", "ingest", "Send errors", query="project", status=202, most_items=100
)
ERASE_USER: Route[None, UserErasure] = Route(
    "DELETE",
    "/api/errors",
    "admin",
    "Erase what is stored of a user, and show how far it is",
    query="user_hash reason",
    status=202,
)
GET_ERROR: Route[None, ErrorGroupDetail] = Route("GET", "/api/errors/{id}", "viewer", "One error group")
ACT_ON_ERROR: Route[GroupAction, ErrorGroupState] = Route(
    "POST", "/api/errors/{id}/{action}", "admin", "Resolve, ignore, reopen, merge, unmerge, assign, comment"
)
ACT_ON_ERRORS: Route[GroupsAction, GroupResults] = Route("POST", "/api/errors/bulk", "admin", "One action on many error groups")
DELETE_ERROR: Route[None, None] = Route(
    "DELETE", "/api/errors/{id}", "admin", "Delete an error group and its occurrences", query="reason", status=204
)
GET_OCCURRENCE: Route[None, OccurrenceDetail] = Route(
    "GET", "/api/errors/{id}/occurrences/{event_id}", "viewer", "One occurrence of an error"
)
DELETE_OCCURRENCE: Route[None, None] = Route(
    "DELETE",
    "/api/errors/{id}/occurrences/{event_id}",
    "admin",
    "Delete one occurrence of an error",
    query="reason day",
    status=204,
)
INGEST_REQUESTS: Route[NewRequest, Accepted] = Route(
    "POST", "/api/requests", "ingest", "Send requests", query="project", status=202, most_items=1000
)
INGEST_ACCESS: Route[NewAccess, Accepted] = Route(
    "POST", "/api/access", "ingest", "Send records of access to personal data", query="project", status=202, most_items=1000
)
LIST_ACCESS: Route[None, AccessPage] = Route(
    "GET", "/api/access", "admin", "Records of access to personal data", query=f"{_PAGE} subject actor since until"
)
INGEST_ENVELOPE: Route[bytes, EnvelopeAccepted] = Route(
    "POST", "/api/{project}/{proxy+}", None, "Send a Sentry envelope", is_documented=False
)
# The key stands in the path, and is not logged.
INGEST_CHECK_IN: Route[bytes, str | CheckInAccepted] = Route(
    "POST",
    "/ping/{key}/{proxy+}",
    None,
    "Send a check-in of a job",
    is_documented=False,
    also=("GET /ping/{key}/{proxy+}", "POST /api/{project}/cron/{proxy+}", "GET /api/{project}/cron/{proxy+}"),
)
INGEST_EXTERNAL: Route[bytes, Accepted] = Route(
    "POST",
    "/api/external/{source}",
    "ingest",
    "Send alerts of Alertmanager, Grafana or CloudWatch",
    query="project",
    status=202,
    is_documented=False,
)
SERVE_UPLOADS: Route[bytes, object] = Route(
    "POST",
    "/api/0/{proxy+}",
    "upload",
    "Report releases, deploys and source maps by sentry-cli",
    is_documented=False,
    also=("GET /api/0/{proxy+}", "PUT /api/0/{proxy+}"),
)
INGEST_VERCEL: Route[bytes, CrashesAccepted] = Route(
    "POST", "/api/{project}/vercel/{proxy+}", None, "Send the lines of Vercel's log drain", is_documented=False
)
LIST_ALERTS: Route[None, AlertPage] = Route(
    "GET", "/api/alerts", "viewer", "Alerts", query=f"{_PAGE} state level rule_id q since until"
)
GET_ALERT: Route[None, AlertDetail] = Route("GET", "/api/alerts/{id}", "viewer", "One alert")
ACKNOWLEDGE_ALERT: Route[ActionReason, AlertDetail] = Route("POST", "/api/alerts/{id}/acknowledge", "admin", "Acknowledge")
TAKE_ALERT: Route[None, str] = Route(
    "POST",
    "/api/take/{token}",
    None,
    "Take charge of an incident by the link in a message; GET shows the button",
    is_documented=False,
    also=("GET /api/take/{token}",),
)
RECEIVE_ACTION: Route[bytes, VendorActions] = Route(
    "POST", "/api/actions/{vendor}", None, "Report what people do to messages in Slack, PagerDuty, Opsgenie", is_documented=False
)
LIST_INCIDENTS: Route[None, IncidentPage] = Route(
    "GET", "/api/incidents", "viewer", "Incidents", query=f"{_PAGE} state level q since until"
)
GET_INCIDENT: Route[None, IncidentDetail] = Route("GET", "/api/incidents/{id}", "viewer", "One incident")
ACT_ON_INCIDENT: Route[IncidentAction, IncidentDetail] = Route(
    "POST", "/api/incidents/{id}/{action}", "admin", "Take, release, note, resolve"
)
GET_POSTMORTEM: Route[None, str] = Route(
    "GET", "/api/incidents/{id}/postmortem", "viewer", "The draft of a postmortem as Markdown", query="timezone"
)
GET_PUBLICATION: Route[None, Publication] = Route(
    "GET", "/api/incidents/{id}/publication", "viewer", "What is published of an incident, and a draft for it"
)
PUBLISH_INCIDENT: Route[NewPublication, Publication] = Route(
    "POST", "/api/incidents/{id}/publication", "admin", "Publish an incident on the status page, or an update to it"
)
GET_STATUS_PAGE: Route[None, str | PageSummary | PageIncidents] = Route(
    "GET",
    "/status",
    None,
    "The public status page",
    is_documented=False,
    also=("GET /status/feed.atom", "GET /status/badge.svg", "GET /api/v2/summary.json", "GET /api/v2/incidents.json"),
)
LIST_SUBSCRIBERS: Route[None, SubscriberPage] = Route(
    "GET", "/api/status-page/subscribers", "admin", "Subscribers of the status page, with what their deliveries do"
)
CREATE_SUBSCRIBER: Route[NewSubscriber, MadeSubscriber] = Route(
    "POST", "/api/status-page/subscribers", "admin", "Notify a URL of what is published on the status page", status=201
)
DELETE_SUBSCRIBER: Route[None, None] = Route(
    "DELETE", "/api/status-page/subscribers/{id}", "admin", "Remove a subscriber of the status page", status=204
)
LIST_SILENCES: Route[None, SilencePage] = Route("GET", "/api/silences", "viewer", "Silences", query=f"{_PAGE} rule_id q")
CREATE_SILENCE: Route[NewSilence, MadeSilence] = Route("POST", "/api/silences", "admin", "Silence", status=201)
DELETE_SILENCE: Route[None, None] = Route("DELETE", "/api/silences/{id}", "admin", "End a silence", status=204)
LIST_RULES: Route[None, RulePage] = Route("GET", "/api/rules", "viewer", "Rules", query=f"{_PAGE} state level rule_id q")
ACT_ON_RULE: Route[RuleReason, Rule] = Route("POST", "/api/rules/{id}/{action}", "admin", "Enable, disable, test")
CREATE_RULE: Route[NewRule, Rule] = Route("POST", "/api/rules", "admin", "Create an own rule", status=201)
CHANGE_RULE: Route[NewRule, Rule] = Route("PUT", "/api/rules/{id}", "admin", "Replace an own rule")
DELETE_RULE: Route[None, None] = Route("DELETE", "/api/rules/{id}", "admin", "Delete an own rule", status=204)
DRY_RUN_RULE: Route[NewDryRun, DryRun] = Route(
    "POST", "/api/rules/dry-run", "viewer", "When a rule would have fired in the kept past"
)
LIST_ROUTES: Route[None, RoutePage] = Route("GET", "/api/routes", "viewer", "The routes by which alerts are notified")
CHANGE_ROUTES: Route[NewRoutes, RoutePage] = Route("PUT", "/api/routes", "admin", "Replace the routes of the page")
DRY_RUN_ROUTE: Route[NewRouteDryRun, RouteDryRun] = Route(
    "POST", "/api/routes/dry-run", "viewer", "Where an alert would go, and by which route"
)
LIST_CHANNELS: Route[None, ChannelPage] = Route("GET", "/api/channels", "viewer", "Notification channels")
SEND_CHANNEL_TEST: Route[RuleReason, TestedChannel] = Route(
    "POST", "/api/channels/{name}/test", "admin", "Send a test notification through a channel"
)
GET_WEEKLY_REPORT: Route[None, WeeklyReport] = Route(
    "GET", "/api/reports/weekly", "viewer", "One week in figures, also as a page or a table", query="week"
)
CREATE_SESSION: Route[None, SessionState] = Route(
    "POST", "/api/session", "viewer", "Exchange a token for the session of a browser: a cookie that no script can read"
)
END_SESSION: Route[None, None] = Route(
    "DELETE", "/api/session", "viewer", "Sign out, here or everywhere", query="everywhere", status=204
)
CALL_MCP: Route[McpMessage, McpResponse] = Route("POST", "/api/mcp", "viewer", "Model Context Protocol, for language models")
GET_OPENAPI: Route[None, str] = Route("GET", "/api/openapi.json", None, "This document")
# What no other route takes.
REFUSE_METHOD: Route[bytes, dict[str, str]] = Route(
    "GET",
    "/api/{proxy+}",
    None,
    "Refuse a method that a path does not have",
    is_documented=False,
    also=("POST /api/{proxy+}", "PUT /api/{proxy+}", "PATCH /api/{proxy+}", "DELETE /api/{proxy+}"),
)

# By the name of the function's file.
ROUTES: Mapping[str, Route[Any, Any]] = {
    name.lower(): route for name, route in list(globals().items()) if isinstance(route, Route)
}
