"""The sums of a day as they are stored, and the samples of its rules. Pure."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from callwatch.db.product_queries.cost_days import DaySums
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.costs.pricing import CALL, DayCosts, PriceList, multiply, round_step
from callwatch.settings.prices import Price

UNPRICED = "cost.unpriced_calls"
# Further tenants and models of a day are summed under this name.
OTHER = "other"
_MAX_TENANTS, _MAX_MODELS = 500, 200
# A mean of fewer calls says little.
ENOUGH_CALLS = 20
ENOUGH_DAYS = 3
_NEWEST, _SETTLED_S = 50, 600
_TOO_FEW = Reason("no_traffic", f"fewer than {ENOUGH_CALLS} calls of today have a cost")


def hash_prices(prices: Sequence[Price] | None) -> str:
    """A hash by which a day shows that it was computed with other prices; empty without prices."""
    text = repr(sorted(repr(price) for price in prices or ()))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if prices else ""


def build_sums(costs: DayCosts, prices: PriceList, day: date) -> DaySums:
    """The rows of a day."""
    calls, unpriced, usd = Counter[str](), Counter[str](), defaultdict[str, Decimal](Decimal)
    tenants = Counter(item.tenant for item in costs.items.values())
    kept = {tenant for tenant, _count in tenants.most_common(_MAX_TENANTS)}
    counts = Counter[Decimal]()
    for item in costs.items.values():
        tenant = item.tenant if item.tenant in kept else OTHER
        calls[tenant] += 1
        if item.is_priced:
            usd[tenant] += item.usd
            counts[round_step(item.usd)] += 1
        else:
            unpriced[tenant] += 1
    rows = [(tenant, calls[tenant], unpriced[tenant], usd[tenant]) for tenant in sorted(calls)]
    return {
        "calls": len(costs.items),
        "tenants": rows,
        "counts": counts,
        "usage": _list_usage(costs, prices, day),
        "hours": _list_hours(costs),
    }


def _list_usage(costs: DayCosts, prices: PriceList, day: date) -> list[tuple[str, str, str, Decimal, Decimal | None]]:
    uses = Counter[tuple[str, str]]()
    for (_tenant, service, model), count in costs.uses.items():
        uses[service, model] += count
    kept = {what for what, _count in uses.most_common(_MAX_MODELS)}
    quantities, usd = defaultdict[tuple[str, str, str], Decimal](Decimal), dict[tuple[str, str, str], Decimal | None]()

    def add(service: str, model: str, unit: str, quantity: Decimal) -> None:
        price = prices.find(service, model, unit, day)
        shown = service, model if (service, model) in kept else OTHER, unit
        quantities[shown] += quantity
        known = usd.get(shown, Decimal(0))
        usd[shown] = None if price is None or known is None else known + multiply(price, quantity)

    for (service, model), count in uses.items():
        add(service, model, CALL, Decimal(count))
    for (_tenant, service, model, unit), quantity in costs.units.items():
        add(service, model, unit, quantity)
    return [(*what, quantities[what], usd[what]) for what in sorted(quantities)]


def _list_hours(costs: DayCosts) -> list[tuple[datetime, str, str, str, Decimal]]:
    uses = Counter[tuple[str, str]]()
    for (service, model, unit, _hour), quantity in costs.hours.items():
        uses[service, model] += int(quantity) if unit == CALL else 0
    kept = {what for what, _count in uses.most_common(_MAX_MODELS)}
    sums = defaultdict[tuple[datetime, str, str, str], Decimal](Decimal)
    for (service, model, unit, hour_s), quantity in costs.hours.items():
        shown = model if (service, model) in kept else OTHER
        sums[datetime.fromtimestamp(hour_s, UTC), service, shown, unit] += quantity
    return [(*what, sums[what]) for what in sorted(sums)]


def list_cost_samples(
    costs: DayCosts,
    has_prices: bool,
    usual: Decimal | None,
    usual_days: int,
    now: datetime,
    why: Reason | None,
    priced: Sequence[Mapping[str, str]] = (),
) -> list[Sample]:
    """cost.per_call_usd, cost.spike, cost.unpriced_calls; none without prices, and a mean of few calls abstains.

    why: why today's usage is unknown. priced: labels of services and models of which a use of today has a price, or would.
    """
    if not has_prices:
        return []
    if why is not None:
        return [Sample(metric, None, why) for metric in ("cost.per_call_usd", "cost.spike", UNPRICED)]
    samples = [
        Sample(
            UNPRICED, float(count), None, {"service": service, "model": model}, _explain(count, costs.unrecorded[service, model])
        )
        for (service, model), count in sorted(costs.unpriced.items())
    ]
    samples += [Sample(UNPRICED, 0.0, None, dict(labels), "it has a price") for labels in priced]
    items = sorted((item for item in costs.items.values() if item.is_priced), key=lambda item: -item.at_s)
    if len(items) >= ENOUGH_CALLS:
        mean = sum((item.usd for item in items), Decimal(0)) / len(items)
        samples.append(Sample("cost.per_call_usd", float(mean), detail=f"mean of {len(items)} calls of today"))
    else:
        samples.append(Sample("cost.per_call_usd", None, inconclusive=_TOO_FEW))
    # A call that is still worked on has cost only a part yet.
    newest = [item.usd for item in items if item.at_s <= now.timestamp() - _SETTLED_S][:_NEWEST]
    if len(newest) >= ENOUGH_CALLS and usual and usual_days >= ENOUGH_DAYS:
        mean = sum(newest, Decimal(0)) / len(newest)
        detail = f"{mean:.4f} USD for each of the newest {len(newest)} calls, {usual:.4f} on earlier days"
        samples.append(Sample("cost.spike", round(float(mean / usual), 3), detail=detail))
    else:
        samples.append(Sample("cost.spike", None, inconclusive=_TOO_FEW))
    return samples


def _explain(unpriced: int, unrecorded: int) -> str:
    """unrecorded: how many of the unpriced uses have a price, but no quantity."""
    if unrecorded == 0:
        return "calls of today"
    return f"calls of today; {'all' if unrecorded == unpriced else unrecorded} have a price, but the product recorded no quantity"
