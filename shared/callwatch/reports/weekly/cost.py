"""What the calls of a week cost, from the stored sums of its days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from callwatch.db.core.connect import AnyConnection
from callwatch.db.product_queries.cost_days import list_days, list_tenant_costs
from callwatch.models.reason import NO_TRAFFIC, Reason
from callwatch.pipeline.costs.unpriced import NOT_DESCRIBED, explain_missing_sums, explain_unpriced
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.weekly.week import Week
from callwatch.settings import Settings
from callwatch.settings.prices import list_prices

_DEFAULT_TARGET_USD = 0.2
# A mean of fewer calls says too little about all of them to judge a target by it.
_MIN_PRICED = 0.9


@dataclass(frozen=True, slots=True)
class WeekCost:
    """usd: of the calls all of whose usage has a price. calls, unpriced_calls: None if a day of the week has no sums.

    why: why usd is None.
    """

    usd: float | None
    per_call: float | None
    calls: int | None
    unpriced_calls: int | None
    target: float
    why: Reason

    def judge(self) -> tuple[float | None, Reason]:
        """The cost of a call by which the target is judged; or None and the reason."""
        if self.calls and self.unpriced_calls and self.per_call is not None:
            priced = 1 - self.unpriced_calls / self.calls
            if priced < _MIN_PRICED:
                why = f"{math.floor(100 * priced)} % of the calls have a price; {100 * _MIN_PRICED:g} % are needed"
                return None, Reason("not_configured", why)
        return self.per_call, self.why


def read_cost(conn: AnyConnection, settings: Settings, week: Week) -> WeekCost:
    """Sum the costs of the days of a week."""
    described = get_stages(settings.stages_file).parts.get("costs")
    target = float((described.get("target_usd") if described else None) or _DEFAULT_TARGET_USD)
    if not described:
        return WeekCost(None, None, None, None, target, NOT_DESCRIBED)
    days = list_days(conn, week.first_day, week.last_day)
    known = sum(day["problem"] is None for day in days)
    all_days = (week.last_day - week.first_day).days + 1
    if known < all_days:
        # The sum of some days would look like a cheap week.
        why = explain_missing_sums(day["problem"] for day in days)
        return WeekCost(None, None, None, None, target, Reason(why.code, f"{known} of {all_days} days have sums; {why.message}"))
    rows = list_tenant_costs(conn, week.first_day, week.last_day)
    calls, unpriced = sum(row["calls"] for row in rows), sum(row["unpriced_calls"] for row in rows)
    if calls == unpriced:
        why = explain_unpriced(bool(list_prices(settings.prices_file))) if calls else NO_TRAFFIC
        return WeekCost(None, None, calls, unpriced, target, why)
    usd = sum((row["usd"] for row in rows), Decimal(0))
    per_call, why = round(float(usd / (calls - unpriced)), 6), explain_unpriced(has_prices=True)
    return WeekCost(round(float(usd), 4), per_call, calls, unpriced, target, why)
