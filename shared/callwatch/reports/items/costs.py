"""GET /api/metrics/costs: what calls cost, by service, model, agency and day, from the stored sums of days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from callwatch.db import connection, product_connection
from callwatch.db.core.unreadable import UNREAD, explain_product_unread, explain_unread
from callwatch.db.product_queries.cost_days import (
    CostDay,
    TenantCosts,
    UsageSum,
    count_costs,
    list_days,
    list_tenant_costs,
    list_usage,
)
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.reason import Reason
from callwatch.pipeline.costs.pricing import CALL, find_percentile, round_usd
from callwatch.pipeline.costs.unpriced import NOT_DESCRIBED, explain_missing_sums, explain_unpriced
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.tenants.names import read_names
from callwatch.reports.items.balances import list_vendor_balances
from callwatch.reports.items.forecasts import list_quota_forecasts
from callwatch.reports.missing_values import Unknown
from callwatch.settings import Settings
from callwatch.settings.prices import list_prices

if TYPE_CHECKING:
    from callwatch.models.shapes.product import costs as shapes
    from callwatch.models.shapes.product.costs import AgencyCosts, CallCosts, CostRange, Costs, ModelCosts, ServiceCosts

# The days of each range; "24h" reaches back to the day that it began on.
DAYS: Mapping[CostRange, int] = {"1d": 1, "24h": 2, "7d": 7, "30d": 30, "90d": 90}
_MAX_AGENCIES = 200
_NO_CALLS = Reason("no_traffic", "no call used a service")
_NOT_COMPUTED = Reason("not_recorded", "the monitor has not computed this day")
_NO_AGENCY = Reason("none", "these calls name no agency")
_NO_TARGET = Reason("not_configured", "the stage file gives no target_usd")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of a range. why: why nothing is."""

    days: Mapping[date, CostDay]
    tenants: Sequence[TenantCosts]
    counts: Mapping[Decimal, int]
    usage: Sequence[UsageSum]
    why: Reason | None = None


def build_costs(settings: Settings, now: datetime, range_name: CostRange) -> Costs:
    """Build the response. Without a database all figures are null, with its reason."""
    until = now.astimezone(ZoneInfo(settings.timezone)).date()
    since = until - timedelta(days=DAYS[range_name] - 1)
    given = get_stages(settings.stages_file).parts.get("costs")
    stored = _read(since, until) if given else _Stored({}, (), {}, (), NOT_DESCRIBED)
    unknown = Unknown()
    has_prices = bool(list_prices(settings.prices_file))
    return {
        "timestamp": now,
        "range": range_name,
        "since": since,
        "until": until,
        "known_days": sum(row["problem"] is None for row in stored.days.values()),
        "per_call": _describe_per_call(stored, given.get("target_usd") if given else None, has_prices, unknown),
        "by_service": unknown.say("by_service", _group_by_service(stored, has_prices, unknown), stored.why),
        "by_model": unknown.say("by_model", _group_by_model(stored, has_prices, unknown), stored.why),
        "by_agency": unknown.say("by_agency", _group_by_agency(stored, settings, now, unknown), stored.why),
        "trend": [
            _describe_day(since + timedelta(days=index), f"trend.{index}", stored, has_prices, unknown)
            for index in range(DAYS[range_name])
        ],
        "balances": list_vendor_balances(now, unknown),
        "quotas": list_quota_forecasts(settings, now, unknown),
        "unknown": unknown.reasons,
    }


def _read(since: date, until: date) -> _Stored:
    try:
        with connection(statement_timeout_ms=5_000) as conn:
            days = {row["day"]: row for row in list_days(conn, since, until)}
            tenants, counts = list_tenant_costs(conn, since, until), count_costs(conn, since, until)
            usage = list_usage(conn, since, until)
    except UNREAD as error:
        return _Stored({}, (), {}, (), explain_unread(error))
    known = [row for row in days.values() if row["problem"] is None]
    return _Stored(days, tenants, counts, usage, None if known else explain_missing_sums(row["problem"] for row in days.values()))


def _describe_per_call(stored: _Stored, target: Decimal | None, has_prices: bool, unknown: Unknown) -> CallCosts:
    calls, unpriced, usd = _sum(stored.tenants)
    priced = calls - unpriced
    why = stored.why or _explain_no_price(calls, has_prices)
    p95 = find_percentile(stored.counts, 0.95)
    return {
        "mean": unknown.say("per_call.mean", round_usd(usd / priced) if priced else None, why),
        "p95": unknown.say("per_call.p95", None if p95 is None else round_usd(p95), why),
        "target": unknown.say("per_call.target", None if target is None else float(target), _NO_TARGET),
        "calls": unknown.say("per_call.calls", None if stored.why else calls, stored.why),
        "unpriced_calls": unknown.say("per_call.unpriced_calls", None if stored.why else unpriced, stored.why),
    }


def _sum(rows: Sequence[TenantCosts]) -> tuple[int, int, Decimal]:
    usd = sum((row["usd"] for row in rows), Decimal(0))
    return sum(row["calls"] for row in rows), sum(row["unpriced_calls"] for row in rows), usd


def _explain_no_price(calls: int, has_prices: bool) -> Reason:
    return explain_unpriced(has_prices) if calls else _NO_CALLS


def _group_by_service(stored: _Stored, has_prices: bool, unknown: Unknown) -> dict[str, ServiceCosts] | None:
    if stored.why:
        return None
    names = dict.fromkeys(row["service"] for row in stored.usage)
    return {
        name: _describe_service(
            [row for row in stored.usage if row["service"] == name], f"by_service.{name}", has_prices, unknown
        )
        for name in names
    }


def _group_by_model(stored: _Stored, has_prices: bool, unknown: Unknown) -> list[ModelCosts] | None:
    if stored.why:
        return None
    found: list[ModelCosts] = []
    for index, (service, model) in enumerate(dict.fromkeys((row["service"], row["model"]) for row in stored.usage)):
        rows = [row for row in stored.usage if (row["service"], row["model"]) == (service, model)]
        calls = next((int(row["quantity"]) for row in rows if row["unit"] == CALL), 0)
        sums = _describe_service(rows, f"by_model.{index}", has_prices, unknown)
        found.append({"service": service, "model": model, "calls": calls, **sums})
    return found


def _describe_service(rows: Sequence[UsageSum], path: str, has_prices: bool, unknown: Unknown) -> ServiceCosts:
    units: dict[str, Decimal] = {}
    unpriced: dict[str, Decimal] = {}
    # A price per call of a model replaces those of its units; calls as such need none.
    flat = {row["model"] for row in rows if row["unit"] == CALL and row["usd"] is not None}
    for row in rows:
        units[row["unit"]] = units.get(row["unit"], Decimal(0)) + row["quantity"]
        if row["unpriced"] and row["unit"] != CALL and row["model"] not in flat:
            unpriced[row["unit"]] = unpriced.get(row["unit"], Decimal(0)) + row["unpriced"]
    priced = [row["usd"] for row in rows if row["usd"] is not None]
    usd = round_usd(sum(priced, Decimal(0))) if priced else None
    return {
        "usd": unknown.say(f"{path}.usd", usd, explain_unpriced(has_prices)),
        "units": {unit: float(quantity) for unit, quantity in units.items()},
        "unpriced": {unit: float(quantity) for unit, quantity in unpriced.items()},
    }


def _group_by_agency(stored: _Stored, settings: Settings, now: datetime, unknown: Unknown) -> list[AgencyCosts] | None:
    if stored.why:
        return None
    by_tenant: dict[str, list[TenantCosts]] = {}
    for row in stored.tenants:
        by_tenant.setdefault(row["tenant"], []).append(row)
    sums = {tenant: _sum(rows) for tenant, rows in by_tenant.items()}
    shown = sorted(sums, key=lambda tenant: (-sums[tenant][0], tenant))[:_MAX_AGENCIES]
    names, why_no_name = _read_names(settings, now, [tenant for tenant in shown if tenant])
    found: list[AgencyCosts] = []
    for index, tenant in enumerate(shown):
        calls, unpriced, usd = sums[tenant]
        path, why = f"by_agency.{index}", _explain_no_price(calls, bool(list_prices(settings.prices_file)))
        priced = calls - unpriced
        found.append(
            {
                "agency": unknown.say(f"{path}.agency", tenant or None, _NO_AGENCY),
                "name": unknown.say(f"{path}.name", names.get(tenant), why_no_name if tenant else _NO_AGENCY),
                "calls": calls,
                "unpriced_calls": unpriced,
                "usd": unknown.say(f"{path}.usd", round_usd(usd) if priced else None, why),
                "mean": unknown.say(f"{path}.mean", round_usd(usd / priced) if priced else None, why),
            }
        )
    return found


def _read_names(settings: Settings, now: datetime, tenants: Sequence[str]) -> tuple[Mapping[str, str], Reason]:
    """The names of agencies, which are the product's; costs do not need its database."""
    try:
        with product_connection() as conn:
            found = read_names(conn, now, get_stages(settings.stages_file), tenants)
            conn.rollback()
    except DatabaseUnavailable as error:
        return {}, explain_product_unread(error)
    return found


def _describe_day(day: date, path: str, stored: _Stored, has_prices: bool, unknown: Unknown) -> shapes.CostDay:
    row = stored.days.get(day)
    problem = row["problem"] if row else None
    why = Reason(**problem) if problem else None if row else stored.why or _NOT_COMPUTED
    calls, unpriced, usd = _sum([each for each in stored.tenants if each["day"] == day])
    priced, why_no_price = calls - unpriced, why or _explain_no_price(calls, has_prices)
    return {
        "day": day,
        "calls": unknown.say(f"{path}.calls", None if why else calls, why),
        "unpriced_calls": unknown.say(f"{path}.unpriced_calls", None if why else unpriced, why),
        "usd": unknown.say(f"{path}.usd", round_usd(usd) if priced else None, why_no_price),
        "mean": unknown.say(f"{path}.mean", round_usd(usd / priced) if priced else None, why_no_price),
    }
