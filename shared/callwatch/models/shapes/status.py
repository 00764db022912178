"""GET /api/status."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from callwatch.models.alert import Level
from callwatch.models.role import CallerRole
from callwatch.models.shapes.health import MonitorHealth
from callwatch.models.shapes.unknown import Known

IssueType = Literal["error", "warning", "info"]
DatabaseState = Literal["operational", "saturated", "down"]
ApiStatus = Literal["operational", "degraded", "down", "unknown"]


class Connections(TypedDict):
    """Sessions on the database server."""

    active: int | None
    idle: int | None
    total: NotRequired[int | None]
    max: NotRequired[int | None]


class DatabaseStatus(TypedDict):
    """The monitor's database; saturated: it responds, and has no connection left, for us or for the next client."""

    status: DatabaseState
    latency_ms: float | None
    connections: Connections


class RecordingsStatus(TypedDict):
    """The recordings queue; failed: last 24 h."""

    pending: int | None
    processing: int | None
    failed: int | None
    stale: int | None


class TranscriptionsStatus(TypedDict):
    """The transcription queue; today begins in TIMEZONE."""

    pending: int | None
    processing: int | None
    completed_today: int | None


class Queues(TypedDict):
    """The product's queues."""

    recordings: RecordingsStatus
    transcriptions: TranscriptionsStatus


class StatusServices(TypedDict):
    """The parts of the product."""

    database: DatabaseStatus
    queues: Queues
    external_apis: dict[str, ApiStatus]


class Performance(TypedDict):
    """The product's requests of the last five minutes; error_rate 0..1."""

    avg_response_time_ms: float | None
    requests_per_minute: float | None
    error_rate: float | None
    p95_ms: float | None


class Issue(TypedDict):
    """A firing alert; title: the name of its rule, without the details of the message.

    alert_id: left out while it has no row, as while the database is down. incident_id: left out until the next evaluation assigns
    it to an incident.
    """

    type: IssueType
    title: str
    message: str
    since: datetime
    rule_id: str
    level: Level
    labels: dict[str, str]
    alert_id: NotRequired[str]
    incident_id: NotRequired[str]


class RecentActivity(TypedDict):
    """Activity of the last hour."""

    calls_processed_last_hour: int | None
    recordings_fetched_last_hour: int | None
    transcriptions_completed_last_hour: int | None
    analyses_completed_last_hour: int | None


class Uptime(TypedDict):
    """Time since this process began."""

    seconds: int
    formatted: str


class Caller(TypedDict):
    """Who sends the request, and what they may do."""

    role: CallerRole
    actor: str


class StatusParts(Known):
    """The status, which is the same for every caller."""

    status: Literal["operational", "degraded", "outage"]
    timestamp: datetime
    uptime: Uptime
    services: StatusServices
    performance: Performance
    issues: list[Issue]
    recent_activity: RecentActivity
    monitor: MonitorHealth


class Status(StatusParts):
    """GET /api/status."""

    caller: Caller
