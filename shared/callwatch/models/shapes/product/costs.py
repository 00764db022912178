"""GET /api/metrics/costs. Money is in USD; a call whose usage has no price is unpriced, and never free."""

from datetime import date, datetime
from typing import Annotated, Literal, TypedDict

from callwatch.models.constraints import About
from callwatch.models.shapes.product.forecasts import QuotaForecast
from callwatch.models.shapes.unknown import Known

CostRange = Literal["1d", "24h", "7d", "30d", "90d"]


class CallCosts(TypedDict):
    """What a call costs. mean, p95: of the calls all of whose usage has a price."""

    mean: float | None
    p95: float | None
    target: float | None
    calls: int | None
    unpriced_calls: int | None


class ServiceCosts(TypedDict):
    """What a service cost. usd: of the usage that has a price; units: quantities used; unpriced: those without a price."""

    usd: float | None
    units: dict[str, float]
    unpriced: dict[str, float]


class ModelCosts(ServiceCosts):
    """What a model cost. calls: that used it, counted once a day."""

    service: str
    model: str
    calls: int


class AgencyCosts(TypedDict):
    """What an agency's calls cost. agency: null for calls that name none."""

    agency: str | None
    name: str | None
    calls: int
    unpriced_calls: int
    usd: float | None
    mean: float | None


class VendorBalance(TypedDict):
    """What is left on a vendor's account. days_left: at the pace of the last seven days."""

    service: str
    project: str
    usd: float | None
    days_left: float | None
    read_at: datetime


class CostDay(TypedDict):
    """One day; usd: of the calls all of whose usage has a price."""

    day: date
    calls: int | None
    unpriced_calls: int | None
    usd: float | None
    mean: float | None


class Costs(Known):
    """GET /api/metrics/costs: the days of a range, the last of which is today so far."""

    timestamp: datetime
    range: CostRange
    since: date
    until: date
    known_days: Annotated[int, About("Days of the range whose sums are known. All sums below are of these days alone.")]
    per_call: CallCosts
    by_service: dict[str, ServiceCosts] | None
    by_model: list[ModelCosts] | None
    by_agency: list[AgencyCosts] | None
    trend: list[CostDay]
    balances: Annotated[list[VendorBalance] | None, About("As they were read last, whatever the range.")]
    quotas: Annotated[list[QuotaForecast] | None, About("Of today, whatever the range.")]
