"""GET /api/health."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from callwatch.models.check import Reason
from callwatch.models.check import Status as CheckStatus
from callwatch.models.shapes.process import Memory, Pool
from callwatch.models.shapes.stored import SettingProblem
from callwatch.models.shapes.unknown import Known

OverallStatus = Literal["healthy", "degraded", "unhealthy"]
DraftStatus = Literal["pass", "warn", "fail"]


class ServiceHealth(TypedDict):
    """One service; latency in ms."""

    status: CheckStatus
    latency: float | None
    checked_at: datetime | None
    reason: NotRequired[Reason | None]
    details: NotRequired[Pool | None]


class QueueHealth(TypedDict):
    """All queues of the product together."""

    pending: int | None
    processing: int | None
    failed: int | None
    completed_last_hour: int | None


class ErrorHealth(TypedDict):
    """Errors of the last hour; buffer_size: accepted and not yet stored in the database."""

    last_hour: int | None
    critical_count: int | None
    buffer_size: int | None


class Environment(TypedDict):
    """Where this process runs."""

    node_env: str | None
    vercel_env: str | None
    commit_sha: str | None
    stage: str | None
    region: str | None
    version: str


class Resources(TypedDict):
    """Memory and connections of this process."""

    memory: Memory
    pool: Pool


class MonitorHealth(TypedDict):
    """When the monitor last finished a cycle, and last evaluated the rules; late after three minutes without evaluation.

    not_evaluated_since: since when rules have not been evaluated, because cycles fail or do not run.
    """

    last_cycle_at: datetime | None
    last_evaluated_at: datetime | None
    not_evaluated_since: datetime | None
    is_late: bool | None


class LostFigures(TypedDict):
    """A table of the product, or a column of it, without which figures are unknown that were known before.

    column: null if it is the whole table. affects: the parts of the stage file whose figures are lost.
    """

    table: str
    column: str | None
    message: str
    since: datetime
    affects: list[str]


class Health(Known):
    """GET /api/health; without a token only the first fields."""

    status: OverallStatus
    timestamp: datetime
    services: dict[str, ServiceHealth]
    queue: QueueHealth
    errors: ErrorHealth
    uptime: NotRequired[float | None]
    environment: NotRequired[Environment | None]
    resources: NotRequired[Resources | None]
    monitor: NotRequired[MonitorHealth | None]
    configuration: NotRequired[list[SettingProblem] | None]
    lost_figures: NotRequired[list[LostFigures] | None]


class DraftCheck(TypedDict):
    """One measurement of one component; an unknown value or status is left out."""

    componentType: Literal["datastore", "component"]
    status: NotRequired[DraftStatus]
    observedValue: NotRequired[float]
    observedUnit: NotRequired[str]
    time: NotRequired[datetime]
    output: NotRequired[str]


class HealthDraft(TypedDict):
    """GET /api/health with `Accept: application/health+json`, in the form of draft-inadarei-api-health-check."""

    status: DraftStatus
    version: str
    releaseId: str
    description: str
    checks: dict[str, list[DraftCheck]]
