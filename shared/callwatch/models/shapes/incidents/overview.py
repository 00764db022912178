"""GET /api/overview."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict

from callwatch.models.check import Reason as CheckReason
from callwatch.models.check import Status as CheckStatus
from callwatch.models.constraints import About
from callwatch.models.shapes.error_groups import ErrorGroup
from callwatch.models.shapes.error_metrics import ErrorCounts, ErrorTrends, TopError
from callwatch.models.shapes.incidents.incident import Incident
from callwatch.models.shapes.pipeline import PipelineFigures, UsualRate
from callwatch.models.shapes.status import ApiStatus, Caller, DatabaseState, Issue, Performance, Queues, RecentActivity
from callwatch.models.shapes.unknown import Known


class OverviewDatabase(TypedDict):
    """The monitor's database; GET /api/status also has its latency and sessions, which change with each request."""

    status: DatabaseState


class OverviewServices(TypedDict):
    """The parts of the product."""

    database: OverviewDatabase
    queues: Queues
    external_apis: dict[str, ApiStatus]


class OverviewErrors(TypedDict):
    """The product's errors; by_category: of the last 24 h."""

    summary: ErrorCounts
    by_category: dict[str, int] | None
    top_errors: list[TopError] | None
    trends: ErrorTrends | None


class OverviewCheck(TypedDict):
    """What the probes of one service said last; since: since when the status has been that."""

    status: CheckStatus
    reason: CheckReason | None
    since: datetime


class OverviewMonitor(TypedDict):
    """Whether the monitor evaluates."""

    is_late: bool | None
    not_evaluated_since: datetime | None


class CauseValues(TypedDict):
    """What the rule of an incident's cause measured lately: the last value of each of 24 steps of step_s, oldest first.

    points: [start of the step, value]; a step that is left out is unknown. null: nothing is known of the past.
    """

    incident_id: str
    step_s: int
    since: datetime
    until: datetime
    points: list[tuple[datetime, float]] | None


class OverviewStatus(TypedDict):
    """What GET /api/status says, too."""

    status: Literal["operational", "degraded", "outage"] | None
    issues: list[Issue] | None
    services: OverviewServices | None
    performance: Performance | None
    recent_activity: RecentActivity | None
    monitor: OverviewMonitor | None


class OverviewParts(OverviewStatus, Known):
    """What every caller gets. A part that could not be read is null, and costs no other part."""

    timestamp: datetime
    incidents: Annotated[list[Incident] | None, About("The open ones, the worst first, at most 20.")]
    open_incidents: int | None
    cause_values: Annotated[list[CauseValues] | None, About("Of the three that stand first: the worst that nobody works on.")]
    last_incident_ended_at: Annotated[datetime | None, About("Of those above info; null if none ended yet.")]
    pipeline: PipelineFigures | None
    usual_rates: Annotated[dict[str, UsualRate | None] | None, About("By stage.")]
    errors: OverviewErrors | None
    error_groups: Annotated[
        list[ErrorGroup] | None,
        About("Open groups that occurred within 24 hours: the most severe first, then the last seen; at most 8."),
    ]
    checks: Annotated[dict[str, OverviewCheck] | None, About("By service; one that was not checked yet is left out.")]


class Overview(OverviewParts):
    """GET /api/overview."""

    caller: Caller
