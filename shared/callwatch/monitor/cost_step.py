"""What calls cost: today's sums are stored each minute, and each cycle computes one earlier day that is due.

A day is due again within a week, in which late analyses come, and when prices change. As long as the product keeps the rows of a
day, its newest reading replaces the stored sums, whether they are higher or lower. Later some rows are gone, so that lower sums
are no correction.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from callwatch.db import connection, product_connection
from callwatch.db.product_queries.cost_days import CostDay, find_usual_cost, keep_day, list_days
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.forecast_step import read_quota_samples
from callwatch.pipeline.costs.pricing import DayCosts, PriceList, sum_day
from callwatch.pipeline.costs.sums import ENOUGH_CALLS, UNPRICED, build_sums, hash_prices, list_cost_samples
from callwatch.pipeline.costs.usage import compute_day_bounds, read_usage_of_day
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import Settings, get_settings
from callwatch.settings.prices import list_prices

_EARLIER_EVERY = timedelta(minutes=10)
_CHANGES_WITHIN, _LOOK_BACK = timedelta(days=7), timedelta(days=30)
_KEPT_S = 7 * 86_400
_USUAL_DAYS = timedelta(days=14)


def measure_costs(cycle: Cycle) -> list[Sample]:
    """Store what is due, and sample today's costs and quotas."""
    settings = get_settings()
    stages = get_stages(settings.stages_file)
    if "costs" not in stages.parts:
        return []
    given = list_prices(settings.prices_file)
    prices, mark = PriceList(given), hash_prices(given)
    today = cycle.now.astimezone(ZoneInfo(settings.timezone)).date()
    with connection() as conn:
        known = {row["day"]: row for row in list_days(conn, today - _LOOK_BACK, today)}
        usual, usual_days = find_usual_cost(conn, today - _USUAL_DAYS, today, ENOUGH_CALLS)
    costs, why = _compute(stages, settings, cycle.now, today, prices)
    due = find_due_day(known, today, cycle.now, mark)
    earlier = [(due, *_compute(stages, settings, cycle.now, due, prices))] if due else []
    with connection() as conn:
        for day, found, reason in [(today, costs, why), *earlier]:
            sums = build_sums(DayCosts() if reason else found, prices, day)
            has_all_rows = is_day_complete(
                day, cycle.now, ZoneInfo(settings.timezone), stages.parts["costs"].get("kept_s", _KEPT_S)
            )
            # A part of a day's usage that cannot be read makes all of its sums too small, so that none is stored.
            keep_day(conn, day, cycle.now, mark, sums, reason.to_dict() if reason else None, has_all_rows)
        conn.commit()
        quotas = read_quota_samples(conn, cycle.now, why)
    priced = _list_priced(cycle.firing.get(UNPRICED, ()), costs, prices, today)
    return [*list_cost_samples(costs, bool(given), usual, usual_days, cycle.now, why, priced), *quotas]


def is_day_complete(day: date, now: datetime, zone: ZoneInfo, kept_s: float) -> bool:
    """Whether the product still has every row of a day: it deletes none before it is this old."""
    begins_at, _ends_at = compute_day_bounds(day, zone)
    return (now - begins_at).total_seconds() <= kept_s


def _list_priced(firing: Sequence[Mapping[str, str]], costs: DayCosts, prices: PriceList, today: date) -> list[Mapping[str, str]]:
    """The services and models that fire as unpriced, and were used at a price today, or would be now."""
    used = {(service, model) for _tenant, service, model in costs.uses}
    found = []
    for labels in firing:
        what = labels.get("service", ""), labels.get("model", "")
        if what not in costs.unpriced and (what in used or prices.has_price(*what, today)):
            found.append(labels)
    return found


def find_due_day(known: Mapping[date, CostDay], today: date, now: datetime, prices: str) -> date | None:
    """The earlier day to compute next: one that is missing, was computed with other prices, or may still change."""
    due = []
    for back in range(1, _LOOK_BACK.days + 1):
        day = today - timedelta(days=back)
        row = known.get(day)
        if row is None:
            due.append((datetime.min.replace(tzinfo=now.tzinfo), -back, day))
        elif now - row["computed_at"] >= _EARLIER_EVERY and (
            row["prices"] != prices or row["problem"] is not None or back <= _CHANGES_WITHIN.days
        ):
            due.append((row["computed_at"], -back, day))
    return min(due, key=lambda each: (each[0], -each[1]))[2] if due else None


def _compute(
    stages: StageFile, settings: Settings, now: datetime, day: date, prices: PriceList
) -> tuple[DayCosts, Reason | None]:
    with product_connection() as conn:
        usages, why = read_usage_of_day(conn, now, stages, day, ZoneInfo(settings.timezone))
        conn.rollback()
    return sum_day(usages, prices, day), why
