"""GET /api/metrics/history."""

from datetime import datetime
from typing import Literal, TypedDict

from callwatch.models.shapes.unknown import Known

Metric = Literal["queues", "errors", "requests", "services", "route", "rule"]
RangeName = Literal["1h", "6h", "24h", "7d", "30d", "90d"]
# A range that begins and ends at given times.
FreeRangeName = Literal["custom"]
BeforeName = Literal["now", "1d", "7d"]
Unit = Literal["count", "per_minute", "ms", "ratio", "s", "percent", "times", "status", "yes", "usd"]


class Series(TypedDict):
    """One line of a chart: [time, value] by step, oldest first. A value is null if it is unknown for its step, and `unknown` in
    the response says why, as in `series.0.points.59.1`.
    """

    name: str
    unit: Unit
    labels: dict[str, str]
    points: list[tuple[datetime, float | None]]


class HistoryDeploy(TypedDict):
    """A deploy that finished within the range."""

    at: datetime
    release: str
    environment: str


# A field's name that is a keyword of Python has no other form.
_From = TypedDict("_From", {"from": datetime})


class History(Known, _From):
    """GET /api/metrics/history; times are the starts of steps of step_s, and of a range up to now the last is still running.

    range: custom where `from` and `to` were given. step_s: at least an hour for what is older than two days. series: empty for a
    route without a request in the range; of a rule one for each condition, with
    the worst value of each step and the threshold as a label. deploys: the newest, at most 50, that were
    reported; null if they cannot be read.
    """

    timestamp: datetime
    metric: Metric
    range: RangeName | FreeRangeName
    step_s: int
    to: datetime
    series: list[Series] | None
    deploys: list[HistoryDeploy] | None
