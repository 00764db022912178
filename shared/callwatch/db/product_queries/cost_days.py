"""What items cost by day: sums that remain when the product has deleted the rows behind them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows

DAYS_KEPT = timedelta(days=400)
_SET_DAY = """
    INSERT INTO callwatch.cost_days AS known (day, computed_at, prices, calls, problem)
    VALUES (%(day)s, %(now)s, %(prices)s, %(calls)s, %(problem)s)
    ON CONFLICT (day) DO UPDATE SET computed_at = EXCLUDED.computed_at, prices = EXCLUDED.prices, calls = EXCLUDED.calls,
        problem = EXCLUDED.problem
    WHERE known.problem IS NOT NULL OR EXCLUDED.problem IS NULL
    RETURNING day
"""
_LOCK = "SELECT day, computed_at, prices, calls, problem FROM callwatch.cost_days WHERE day = %s FOR UPDATE"
_LOOKED = "UPDATE callwatch.cost_days SET computed_at = %(now)s, prices = %(prices)s WHERE day = %(day)s"
_CLEAR = ("cost_tenants", "cost_counts", "cost_usage", "cost_hours")
_INSERT_TENANTS = "INSERT INTO callwatch.cost_tenants (day, tenant, calls, unpriced_calls, usd) VALUES %s"
_INSERT_COUNTS = "INSERT INTO callwatch.cost_counts (day, usd, calls) VALUES %s"
_INSERT_USAGE = "INSERT INTO callwatch.cost_usage (day, service, model, unit, quantity, usd) VALUES %s"
_INSERT_HOURS = "INSERT INTO callwatch.cost_hours (day, hour, service, model, unit, quantity) VALUES %s"
_HOURS = """
    SELECT day, hour, service, model, unit, quantity::float AS quantity FROM callwatch.cost_hours
    WHERE day >= %s AND day <= %s AND service = ANY (%s) ORDER BY day, hour
"""
_DAYS = "SELECT day, computed_at, prices, calls, problem FROM callwatch.cost_days WHERE day >= %s AND day <= %s ORDER BY day"
_TENANTS = """
    SELECT day, tenant, calls, unpriced_calls, usd FROM callwatch.cost_tenants WHERE day >= %s AND day <= %s ORDER BY day, tenant
"""
_COUNTS = "SELECT usd, sum(calls)::bigint AS calls FROM callwatch.cost_counts WHERE day >= %s AND day <= %s GROUP BY usd"
_USAGE = """
    SELECT service, model, unit, sum(quantity) AS quantity, sum(usd) AS usd,
           coalesce(sum(quantity) FILTER (WHERE usd IS NULL), 0) AS unpriced
    FROM callwatch.cost_usage WHERE day >= %s AND day <= %s GROUP BY service, model, unit ORDER BY service, model, unit
"""
_USUAL = """
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY mean) AS median, count(*) AS days FROM (
        SELECT sum(usd) / sum(calls - unpriced_calls) AS mean FROM callwatch.cost_tenants
        WHERE day >= %(since)s AND day < %(before)s GROUP BY day HAVING sum(calls - unpriced_calls) >= %(at_least)s) AS days
"""


class CostDay(TypedDict):
    """A computed day. problem: why it has no sums, as a code and a message."""

    day: date
    computed_at: datetime
    prices: str
    calls: int
    problem: dict[str, Any] | None


class TenantCosts(TypedDict):
    """A day of one tenant. usd: of its calls all of whose usage has a price."""

    day: date
    tenant: str
    calls: int
    unpriced_calls: int
    usd: Decimal


class UsageSum(TypedDict):
    """How much of a unit was used, what the priced part cost (None: nothing has a price), and how much has no price."""

    service: str
    model: str
    unit: str
    quantity: Decimal
    usd: Decimal | None
    unpriced: Decimal


class HourUsage(TypedDict):
    """How much of a unit was used in an hour of a day."""

    day: date
    hour: datetime
    service: str
    model: str
    unit: str
    quantity: float


class _CountRow(TypedDict):
    usd: Decimal
    calls: int


class _Usual(TypedDict):
    median: Decimal | None
    days: int


class DaySums(TypedDict):
    """The sums of a day to store: tenants (tenant, calls, unpriced calls, usd), counts by cost, usage (service, model, unit,
    quantity, usd), and hours (hour, service, model, unit, quantity).
    """

    calls: int
    tenants: Sequence[tuple[str, int, int, Decimal]]
    counts: Mapping[Decimal, int]
    usage: Sequence[tuple[str, str, str, Decimal, Decimal | None]]
    hours: Sequence[tuple[datetime, str, str, str, Decimal]]


def keep_day(
    conn: AnyConnection,
    day: date,
    now: datetime,
    prices: str,
    sums: DaySums,
    problem: Mapping[str, str] | None = None,
    has_all_rows: bool = True,
) -> bool:
    """Store the sums of a day in place of those that are known; False if the known ones remain. The caller commits.

    has_all_rows: the product still has every row of the day. If not, lower sums come from rows that it deleted, and the known
    sums, which were computed from all of them, remain.
    """
    given = {"day": day, "now": now, "prices": prices, "calls": sums["calls"], "problem": Json(problem) if problem else None}
    is_poorer = not has_all_rows and problem is None and _is_lower(conn, day, sums)
    if is_poorer or not fetch_all(conn, _SET_DAY, given):
        execute(conn, _LOOKED, given)
        return False
    for table in _CLEAR:
        execute(conn, f"DELETE FROM callwatch.{table} WHERE day = %s", (day,))
    execute_rows(conn, _INSERT_TENANTS, [(day, *row) for row in sums["tenants"]])
    execute_rows(conn, _INSERT_COUNTS, [(day, usd, calls) for usd, calls in sorted(sums["counts"].items())])
    execute_rows(conn, _INSERT_USAGE, [(day, *row) for row in sums["usage"]])
    execute_rows(conn, _INSERT_HOURS, [(day, *row) for row in sums["hours"]])
    return True


def _is_lower(conn: AnyConnection, day: date, sums: DaySums) -> bool:
    """Whether the sums hold less than the known ones: fewer calls, fewer priced ones, or less of a unit."""
    known = fetch_one(conn, _LOCK, (day,), CostDay)
    if known is None or known["problem"] is not None:
        return False
    tenants = list_tenant_costs(conn, day, day)
    priced = sum(row["calls"] - row["unpriced_calls"] for row in tenants)
    quantities = defaultdict[tuple[str, str], Decimal](Decimal)
    for service, _model, unit, quantity, _usd in sums["usage"]:
        quantities[service, unit] += quantity
    for row in list_usage(conn, day, day):
        quantities[row["service"], row["unit"]] -= row["quantity"]
    return (
        sums["calls"] < known["calls"]
        or sum(calls - unpriced for _tenant, calls, unpriced, _usd in sums["tenants"]) < priced
        or min(quantities.values(), default=Decimal(0)) < 0
    )


def list_days(conn: AnyConnection, since: date, until: date) -> list[CostDay]:
    """The computed days of a span, oldest first."""
    return fetch_all(conn, _DAYS, (since, until), CostDay)


def list_tenant_costs(conn: AnyConnection, since: date, until: date) -> list[TenantCosts]:
    """The costs of a span by day and tenant."""
    return fetch_all(conn, _TENANTS, (since, until), TenantCosts)


def count_costs(conn: AnyConnection, since: date, until: date) -> dict[Decimal, int]:
    """How many calls of a span cost so much."""
    return {row["usd"]: row["calls"] for row in fetch_all(conn, _COUNTS, (since, until), _CountRow)}


def list_usage(conn: AnyConnection, since: date, until: date) -> list[UsageSum]:
    """The usage of a span by service, model and unit."""
    return fetch_all(conn, _USAGE, (since, until), UsageSum)


def list_hours(conn: AnyConnection, since: date, until: date, services: Sequence[str]) -> list[HourUsage]:
    """The usage of these services by hour, of the days of a span."""
    return fetch_all(conn, _HOURS, (since, until, list(services)), HourUsage)


def find_usual_cost(conn: AnyConnection, since: date, before: date, at_least: int) -> tuple[Decimal | None, int]:
    """The median of the mean costs of earlier days with enough priced calls, and how many days these are."""
    row = fetch_one(conn, _USUAL, {"since": since, "before": before, "at_least": at_least}, _Usual)
    return (row["median"], row["days"]) if row else (None, 0)


def delete_costs_before(conn: AnyConnection, before: date) -> int:
    """Delete old days, and return how many; the caller commits."""
    return execute(conn, "DELETE FROM callwatch.cost_days WHERE day < %s", (before,))
