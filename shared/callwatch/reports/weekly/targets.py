"""The owners' targets against a week: met, missed or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.checks.slo import BUDGET as UPTIME_BUDGET
from callwatch.counters.performance import Summary
from callwatch.counters.request_slo import BUDGETS, SLOW_MS
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.retention import ACCESS_COUNTS_KEPT
from callwatch.db.report_queries.access_minutes import sum_counts
from callwatch.db.report_queries.weekly import Span
from callwatch.models.reason import NO_REQUESTS, NO_TRAFFIC, Reason
from callwatch.reports.missing_values import Unknown
from callwatch.reports.weekly.cost import WeekCost
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import Target, WeeklyService

_NOT_KEPT = Reason("not_recorded", "the week is older than what is kept")
_NO_ROUTES = Reason("not_configured", "PII_ROUTES names no route")
_UNWATCHED = Reason("not_recorded", "the owners' services were not observed for long enough")
# Requests and their records arrive apart.
_SETTLED = timedelta(minutes=2)


def build_targets(
    conn: AnyConnection,
    settings: Settings,
    span: Span,
    services: Sequence[WeeklyService],
    summary: Summary | None,
    cost: WeekCost,
    now: datetime,
    unknown: Unknown,
) -> list[Target]:
    """Compare the week with each target. summary: of the requests; None if they are no longer kept."""
    why_requests = _NOT_KEPT if summary is None else NO_REQUESTS
    call_cost, why_cost = cost.judge()
    logged, why_logged = _read_logged(conn, settings, span, now)
    own = {"database", *(check["name"] for check in settings.http_checks)}
    # The worst of the owners' services: a mean would hide its outage behind the others. Vendors are listed by themselves.
    uptimes = [service["uptime"] for service in services if service["name"] in own and service["uptime"] is not None]
    found: list[Target] = [
        _build_most("error_rate", "ratio", BUDGETS["slo.errors_burn"][1], summary["error_rate"] if summary else None),
        _build_most("p95_latency", "ms", float(SLOW_MS), summary["p95"] if summary else None),
        _build_least("uptime", "percent", 100 * (1 - UPTIME_BUDGET), min(uptimes, default=None)),
        _build_most("call_cost", "usd", cost.target, call_cost),
        _build_least("access_logged", "ratio", 1.0, logged),
    ]
    reasons = {
        "error_rate": why_requests,
        "p95_latency": why_requests,
        "uptime": _UNWATCHED,
        "call_cost": why_cost,
        "access_logged": why_logged,
    }
    for place, target in enumerate(found):
        unknown.say(f"targets.{place}.actual", target["actual"], reasons[target["name"]])
    return found


def _build_most(name: str, unit: str, target: float, actual: float | None) -> Target:
    # The owners say "below".
    state = "unknown" if actual is None else "met" if actual < target else "missed"
    return {"name": name, "unit": unit, "bound": "most", "target": target, "actual": actual, "state": state}  # type: ignore[typeddict-item]


def _build_least(name: str, unit: str, target: float, actual: float | None) -> Target:
    state = "unknown" if actual is None else "met" if actual >= target else "missed"
    return {"name": name, "unit": unit, "bound": "least", "target": target, "actual": actual, "state": state}  # type: ignore[typeddict-item]


def _read_logged(conn: AnyConnection, settings: Settings, span: Span, now: datetime) -> tuple[float | None, Reason]:
    """The share of answered requests with a record of access, over all routes of PII_ROUTES; or why it is unknown."""
    routes = [route.name for route in settings.pii_routes or ()]
    if not routes:
        return None, _NO_ROUTES
    if span["since"] < now - ACCESS_COUNTS_KEPT:
        return None, _NOT_KEPT
    sums = sum_counts(conn, span["since"], min(span["until"], now - _SETTLED))
    answered = sum(sums[route]["answered"] for route in routes if route in sums)
    logged = sum(min(sums[route]["logged"], sums[route]["answered"]) for route in routes if route in sums)
    return (logged / answered if answered else None), NO_TRAFFIC
