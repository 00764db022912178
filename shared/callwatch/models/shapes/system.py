"""GET /api/metrics/system."""

from datetime import datetime
from typing import TypedDict

from callwatch.models.shapes.process import Memory
from callwatch.models.shapes.status import Connections
from callwatch.models.shapes.unknown import Known
from callwatch.models.work import WorkKind


class LambdaMetrics(TypedDict):
    """The invocation that handles the request."""

    cold_start: bool | None
    memory_limit_mb: int | None
    remaining_ms: int | None


class OwnFigures(TypedDict):
    """What a function knows about its process and its invocation; uptime in s."""

    uptime: float
    version: str
    platform: str
    region: str | None
    memory: Memory
    invocation: LambdaMetrics


class Process(TypedDict):
    """The running process; uptime in s."""

    uptime: float
    version: str
    platform: str


class PoolPercent(TypedDict):
    """Connections of this process, with their share in percent."""

    total: float
    active: float
    idle: float
    waiting: float
    utilization_percent: float


class DatabaseMetrics(TypedDict):
    """The monitor's database."""

    pool: PoolPercent
    connections: Connections
    size_mb: float | None
    cache_hit_percent: float | None
    longest_query_s: float | None
    deadlocks: float | None
    replication_lag_s: float | None


class Route(TypedDict):
    """Requests of one route; times in ms."""

    route: str
    count: int
    errors: int
    error_rate: float | None
    avg: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class ApiMetrics(TypedDict):
    """The product's requests of the last five minutes; request_rate per second."""

    request_rate: float | None
    error_rate: float | None
    avg_response_time: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    by_route: list[Route] | None


class WorkByName(TypedDict):
    """Runs of one function or job; a run without a status did not fail."""

    kind: WorkKind
    name: str
    runs: int
    failures: int
    failure_rate: float
    avg_ms: float
    p50_ms: float | None
    p95_ms: float | None


class Work(TypedDict):
    """Runs of functions and jobs in the last hour, from traces; by_name: the most frequent."""

    runs_last_hour: int | None
    failures_last_hour: int | None
    by_name: list[WorkByName] | None


class RefusalCounts(TypedDict):
    """Requests refused before their work began, by reason.

    no_token, unknown_token, role: 401 and 403. rate_without_token, rate_of_token: 429 of the caller's own limit. dsn_key,
    dsn_rate: the Sentry protocol without a valid key, and over a limit.
    """

    no_token: int | None
    unknown_token: int | None
    role: int | None
    rate_without_token: int | None
    rate_of_token: int | None
    dsn_key: int | None
    dsn_rate: int | None


class Refused(TypedDict):
    """What the functions have reported; unreported: always null, each of them counts alone until its next report."""

    last_hour: RefusalCounts
    last_24h: RefusalCounts
    unreported: int | None


class ModelUsage(TypedDict):
    """Calls of one model in the last 24 hours; a name that was not sent is empty.

    input_tokens, output_tokens: sums of the calls that said them; null if none did.
    """

    provider: str
    model: str
    operation: str
    calls: int
    errors: int
    error_rate: float
    input_tokens: int | None
    output_tokens: int | None
    avg_ms: float
    p50_ms: float | None
    p95_ms: float | None


# A field's name that is a keyword of Python has no other form.
_Lambda = TypedDict("_Lambda", {"lambda": LambdaMetrics})


class SystemMetrics(Known, _Lambda):
    """GET /api/metrics/system."""

    timestamp: datetime
    process: Process
    memory: Memory
    database: DatabaseMetrics
    api: ApiMetrics
    work: Work
    refused: Refused
    models: list[ModelUsage] | None
