"""GET /api/pipeline and GET /api/crons."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from callwatch.models.constraints import About
from callwatch.models.shapes.product.agencies import AgencyPipeline
from callwatch.models.shapes.product.forecasts import StageForecast
from callwatch.models.shapes.unknown import Known

CronState = Literal["ok", "running", "missed", "failed", "late", "unknown"]
CronSource = Literal["check_in", "product"]


class UnlistedState(TypedDict):
    """Rows of a stage in a state that the stage file does not name. state: NULL, a plain word, or any other text in quotes."""

    state: str
    rows: int


class StageFigures(TypedDict):
    """One stage. failed, dead, false_success: of the last 24 h; success_rate, p50_s, p95_s (time per item): of the last hour.

    unlisted: rows in states that the stage file does not name; unlisted_states: the 20 most frequent of these states.
    """

    name: str
    pending: int | None
    processing: int | None
    failed: int | None
    completed_last_hour: int | None
    stuck: int | None
    undated: int | None
    unlisted: int | None
    unlisted_states: list[UnlistedState] | None
    zombie: int | None
    dead: int | None
    orphan: int | None
    false_success: int | None
    oldest_pending_at: datetime | None
    throughput_per_minute: float | None
    success_rate: float | None
    p50_s: float | None
    p95_s: float | None


class UsualRate(TypedDict):
    """What a stage usually completes in an hour that ends at this time of day.

    days_alike: the median of `days` earlier workdays, Saturdays or Sundays, at most ten of the last 28 days. day_before: fewer
    than three of them are recorded, and it is yesterday's alone.
    """

    per_hour: float
    days: int
    basis: Literal["days_alike", "day_before"]


class Freshness(TypedDict):
    """Incoming calls; expected: the median of this hour on earlier days."""

    last_call_at: datetime | None
    expected_per_hour: float | None
    actual_last_hour: int | None


class Cron(TypedDict):
    """A cron job of the product; late: the last success is older than two periods."""

    name: str
    period_s: float
    last_ok_at: datetime | None
    is_late: bool | None


class OddRows(TypedDict):
    """Rows whose time in a column belongs to no window: it lies in the future, or cannot be read as a time."""

    table: str
    column: str
    in_future: int | None
    unreadable: int | None


class Misspelled(TypedDict):
    """Newest rows of a column that spell a word of the stage file in another way, such as ANALYZED for analyzed."""

    table: str
    column: str
    rows: int | None


class PipelineFigures(TypedDict):
    """The product's stages; ratios 0..1, completeness: the share of recent calls that have a field."""

    stages: list[StageFigures]
    freshness: Freshness
    recording_availability: float | None
    field_completeness: dict[str, float | None] | None
    field_completeness_by_source: dict[str, dict[str, float]] | None
    crons: list[Cron]
    odd_rows: list[OddRows]
    misspelled: list[Misspelled]
    agencies: NotRequired[Annotated[list[AgencyPipeline] | None, About("With ?by=agency: at most 100, the busiest first.")]]


class Pipeline(PipelineFigures, Known):
    """GET /api/pipeline."""

    timestamp: datetime
    forecasts: NotRequired[Annotated[list[StageForecast] | None, About("When each stage reaches its limit.")]]


class CronJob(Known):
    """A job of the product. source: whether it sends check-ins or writes heartbeats into the product's own table.

    late: due, and still within its margin. failed: its last run failed, or takes longer than it may. problem: what is wrong,
    for people. last_at: its last check-in or heartbeat. duration_s: of the last run that ended. project_id, environment: as its
    check-ins name them.
    """

    slug: str
    schedule: str | None
    timezone: str | None
    state: CronState
    problem: str | None
    last_at: datetime | None
    next_at: datetime | None
    duration_s: float | None
    source: CronSource
    project_id: int | None
    environment: str | None


class CronPage(Known):
    """GET /api/crons: the jobs by slug. as_of: the time up to which their check-ins are stored, which the states hold for."""

    timestamp: datetime
    as_of: datetime | None
    items: list[CronJob]
    next_cursor: str | None
