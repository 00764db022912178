"""What the calls of a week cost, from the stored sums of its days."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from callwatch.db.core.connect import AnyConnection
from callwatch.db.product_queries.cost_days import list_days, list_tenant_costs
from callwatch.models.reason import NO_TRAFFIC, Reason
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.weekly.week import Week
from callwatch.settings import Settings

_DEFAULT_TARGET_USD = 0.2
_NOT_DESCRIBED = Reason("not_configured", "the stage file does not describe costs")
_NOT_COMPUTED = Reason("not_recorded", "the monitor has computed no day of this week")
_NO_PRICES = Reason("not_configured", "PRICES_FILE is not set, so nothing has a price")
_NO_PRICE = Reason("not_configured", "PRICES_FILE has no price for what was used")


@dataclass(frozen=True, slots=True)
class WeekCost:
    """usd: of the calls all of whose usage has a price. calls, unpriced_calls: None if no day was computed.

    why: why usd is None.
    """

    usd: float | None
    per_call: float | None
    calls: int | None
    unpriced_calls: int | None
    target: float
    why: Reason


def read_cost(conn: AnyConnection, settings: Settings, week: Week) -> WeekCost:
    """Sum the costs of the days of a week."""
    described = get_stages(settings.stages_file).parts.get("costs")
    target = float((described or {}).get("target_usd") or _DEFAULT_TARGET_USD)
    if not described:
        return WeekCost(None, None, None, None, target, _NOT_DESCRIBED)
    days = list_days(conn, week.first_day, week.last_day)
    if all(day["problem"] is not None for day in days):
        problems = [Reason(**day["problem"]) for day in days if day["problem"]]
        return WeekCost(None, None, None, None, target, problems[-1] if problems else _NOT_COMPUTED)
    rows = list_tenant_costs(conn, week.first_day, week.last_day)
    calls, unpriced = sum(row["calls"] for row in rows), sum(row["unpriced_calls"] for row in rows)
    if calls == unpriced:
        why = NO_TRAFFIC if not calls else _NO_PRICE if settings.prices_file else _NO_PRICES
        return WeekCost(None, None, calls, unpriced, target, why)
    usd = sum((row["usd"] for row in rows), Decimal(0))
    return WeekCost(round(float(usd), 4), round(float(usd / (calls - unpriced)), 6), calls, unpriced, target, _NO_PRICE)
