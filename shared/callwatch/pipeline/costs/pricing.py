"""What usage costs: the price of each unit on its day, in exact decimal arithmetic. Pure.

A usage without a price is unpriced, and never free: the item it belongs to has no cost.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from callwatch.settings.prices import Price

# A price per call applies to each usage once, whatever its units.
CALL = "call"
# Costs of calls are counted in steps of a hundredth of a cent, which bounds how many there are.
STEP_USD = Decimal("0.0001")
_SHOWN = Decimal("0.000001")
_MAX_REMEMBERED = 50_000
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Usage:
    """What one item used of one service: quantities by unit; None if the product does not record it."""

    item: str
    tenant: str
    service: str
    model: str
    quantities: Mapping[str, Decimal | None]
    at_s: float = 0.0


@dataclass(slots=True)
class ItemCost:
    """The cost of one item; is_priced False: a part of it has no price. at_s: of its last usage."""

    tenant: str
    usd: Decimal = Decimal(0)
    is_priced: bool = True
    at_s: float = 0.0


@dataclass(slots=True)
class DayCosts:
    """The costs of a day.

    items: by key. units: quantities by (tenant, service, model, unit). uses: how many items used a model, by (tenant, service,
    model). unpriced: uses without a cost, by (service, model). unrecorded: those of them that only lack a quantity. hours:
    quantities by (service, model, unit, seconds at which the hour begins), uses as the unit call.
    """

    items: dict[str, ItemCost] = field(default_factory=dict)
    units: dict[tuple[str, str, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    uses: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    unpriced: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    unrecorded: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    hours: dict[tuple[str, str, str, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class PriceList:
    """Prices by what they are for."""

    def __init__(self, prices: Sequence[Price]) -> None:
        self._prices: dict[tuple[str, str], list[tuple[re.Pattern[str], Price]]] = defaultdict(list)
        # The most exact pattern first: one without *, then the longest; of the same pattern the latest.
        ordered = sorted(
            prices, key=lambda price: ("*" in price.model, -len(price.model), price.model, -price.valid_from.toordinal())
        )
        for price in ordered:
            pattern = re.compile(".*".join(re.escape(part) for part in price.model.split("*")), re.IGNORECASE | re.DOTALL)
            self._prices[price.service, price.unit].append((pattern, price))
        self._found: dict[tuple[str, str, str, date], Price | None] = {}

    def find(self, service: str, model: str, unit: str, day: date) -> Price | None:
        """The price of a unit on a day; None if there is none."""
        what = service, model, unit, day
        if what not in self._found:
            if len(self._found) > _MAX_REMEMBERED:
                self._found.clear()
            valid = (
                price for pattern, price in self._prices[service, unit] if price.valid_from <= day and pattern.fullmatch(model)
            )
            self._found[what] = next(valid, None)
        return self._found[what]

    def has_price(self, service: str, model: str, day: date) -> bool:
        """Whether any unit of a service and model has a price on a day."""
        units = [unit for of_service, unit in self._prices if of_service == service]
        return any(self.find(service, model, unit, day) for unit in units)

    def price_usage(self, usage: Usage, day: date) -> Decimal | None:
        """What a usage costs; None if a part of it has no price or is not recorded."""
        per_call = self.find(usage.service, usage.model, CALL, day)
        total = multiply(per_call, Decimal(1)) if per_call else Decimal(0)
        for unit, quantity in usage.quantities.items():
            price = self.find(usage.service, usage.model, unit, day)
            if price is not None and quantity is not None:
                total += multiply(price, quantity)
            elif per_call is None or price is not None:
                return None
        return total if usage.quantities or per_call is not None else None

    def lacks_only_quantities(self, usage: Usage, day: date) -> bool:
        """Whether each unit of a usage has a price, so that only what the product recorded leaves it without a cost."""
        return bool(usage.quantities) and all(self.find(usage.service, usage.model, unit, day) for unit in usage.quantities)


def multiply(price: Price, quantity: Decimal) -> Decimal:
    """What a quantity costs: divided last, because a price per 60 seconds has no exact price per second."""
    return price.usd * quantity / price.per


def sum_day(usages: Iterable[Usage], prices: PriceList, day: date) -> DayCosts:
    """The costs of a day's usages."""
    found = DayCosts()
    for usage in usages:
        item = found.items.setdefault(usage.item, ItemCost(usage.tenant))
        item.at_s = max(item.at_s, usage.at_s)
        item.tenant = item.tenant or usage.tenant
        cost = prices.price_usage(usage, day)
        if cost is None:
            item.is_priced = False
            found.unpriced[usage.service, usage.model] += 1
            found.unrecorded[usage.service, usage.model] += prices.lacks_only_quantities(usage, day)
        else:
            item.usd += cost
        found.uses[usage.tenant, usage.service, usage.model] += 1
        hour = int(usage.at_s // _HOUR_S * _HOUR_S)
        found.hours[usage.service, usage.model, CALL, hour] += 1
        for unit, quantity in usage.quantities.items():
            if quantity is not None:
                found.units[usage.tenant, usage.service, usage.model, unit] += quantity
                found.hours[usage.service, usage.model, unit, hour] += quantity
    return found


def round_step(usd: Decimal) -> Decimal:
    """A cost in whole steps."""
    return usd.quantize(STEP_USD, ROUND_HALF_UP)


def round_usd(usd: Decimal) -> float:
    """Dollars to a millionth, as a response shows them: the only rounding."""
    return float(usd.quantize(_SHOWN, ROUND_HALF_UP))


def find_percentile(counts: Mapping[Decimal, int], share: float) -> Decimal | None:
    """The smallest cost that is not exceeded by this share of the items; None without any."""
    total, seen = sum(counts.values()), 0
    for usd in sorted(counts):
        seen += counts[usd]
        if seen >= share * total:
            return usd
    return None
