"""GET /api/reports/weekly: one week in figures."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict

from callwatch.models.constraints import About
from callwatch.models.shapes.unknown import Known

TargetState = Literal["met", "missed", "unknown"]


class Target(TypedDict):
    """A target of the owners. bound: whether `target` is the most or the least that is allowed."""

    name: str
    unit: Literal["ratio", "ms", "percent", "usd"]
    bound: Literal["most", "least"]
    target: float
    actual: float | None
    state: TargetState


class WeeklyService(TypedDict):
    """A checked service. The three counts of minutes overlap."""

    name: str
    uptime: Annotated[float | None, About("Percent of the probes that would have served a client.")]
    watched: Annotated[float, About("Percent of the time that was observed.")]
    minutes_down: float | None
    minutes_rate_limited: float | None
    minutes_out_of_quota: float | None


class WeeklyRequests(TypedDict):
    """The product's requests."""

    count: int | None
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class WeeklyStage(TypedDict):
    """A stage of the pipeline. completed: from its rate, as the monitor read it each minute."""

    name: str
    completed: int | None
    peak_pending: int | None
    hours_read: int


class NoisyRule(TypedDict):
    """A rule by how often it fired."""

    rule_id: str
    title: str
    count: int
    firing_minutes: float


class WeeklyAlerts(TypedDict):
    """Alerts that began in the week and that no other alert caused. inhibited: those that followed from another."""

    count: int | None
    by_level: dict[str, int]
    inhibited: int | None
    acknowledged: int | None
    resolved: int | None
    mean_time_to_acknowledge_s: float | None
    mean_time_to_resolve_s: float | None
    noisiest_rules: list[NoisyRule]


class WeeklyError(TypedDict):
    """An error group. count: its occurrences in the week."""

    id: str
    title: str
    severity: str
    environment: str
    count: int


class WeeklyErrors(TypedDict):
    """The product's errors. new, regressed: the most frequent ones; new_count, regressed_count: how many there are."""

    total: int | None
    by_severity: dict[str, int]
    new_count: int | None
    new: list[WeeklyError]
    regressed_count: int | None
    regressed: list[WeeklyError]


class WeeklyCost(TypedDict):
    """What calls cost, in USD. total, per_call: of those calls all of whose usage has a price.

    All are null without the sums of each day.
    """

    total: float | None
    per_call: float | None
    calls: int | None
    unpriced_calls: int | None


class WeeklyReport(Known):
    """GET /api/reports/weekly. until: the end of the week, or now while it runs. timezone: in which the week begins on Monday.

    recorded_since: from which requests, errors and alerts are counted: the week's beginning, or when the monitor was set up if
    that was later.
    """

    timestamp: datetime
    week: str
    timezone: str
    since: datetime
    until: datetime
    is_complete: bool
    recorded_since: datetime
    targets: list[Target]
    services: list[WeeklyService]
    requests: WeeklyRequests
    pipeline: list[WeeklyStage]
    alerts: WeeklyAlerts
    errors: WeeklyErrors
    cost: WeeklyCost
