"""Time series for the charts: stage depths, errors, requests in all and of one route, service latencies, values of a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from callwatch.checks.registry import list_checks
from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.error_queries.deploys import list_deploys_between
from callwatch.db.queries.cycles import find_stored_until, read_last_cycle_at
from callwatch.db.queries.series import (
    RequestStep,
    read_errors_by_step,
    read_latencies_by_step,
    read_requests_by_step,
    route_requests_by_step,
)
from callwatch.db.queries.stage_depths import read_depths_between
from callwatch.models.latency import estimate_percentile
from callwatch.models.reason import NO_REQUESTS, NOT_MEASURED, Reason
from callwatch.reports.ranges import Range, Steps
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.history import History, HistoryDeploy, Metric, Series, Unit

    Points = list[tuple[datetime, float | None]]

_SEVERITIES = ("critical", "high", "medium", "low")
_STATEMENT_TIMEOUT_MS = 5_000
_MAX_DEPLOYS = 50
_NOT_KEPT = Reason("not_recorded", "before the monitor was set up, or older than the retention")
_NOT_STORED = Reason("not_recorded", "what arrived since then may still wait in the queue")
# What reaches the database through the queue.
_QUEUED = ("errors", "requests", "route")
# Why a point of a series may be null; counts are known for every step that is kept and stored.
_WHY: Mapping[str, Reason] = {
    "pending": NOT_MEASURED,
    "completed": NOT_MEASURED,
    "latency": Reason("not_recorded", "no probe response is stored"),
    "value": Reason("unavailable", "no evaluation of this step knew a value"),
    **dict.fromkeys(("p50", "p95", "p99", "error_rate"), NO_REQUESTS),
}
_FIGURES: Mapping[str, tuple[Literal["peak", "mean"], Unit]] = {"pending": ("peak", "count"), "completed": ("mean", "per_minute")}


def build_history(now: datetime, metric: Metric, asked: Range, name: str | None = None) -> History:
    """Build the response of GET /api/metrics/history over a range. name: of the route, or the id of the rule.

    Raises NotFound for a rule that there is not.
    """
    steps = Steps(now, asked, now - timedelta(days=get_settings().retention_days))
    series: list[Series] | None
    deploys: list[HistoryDeploy] | None
    try:
        with connection(statement_timeout_ms=_STATEMENT_TIMEOUT_MS) as conn:
            _last_at, set_up_at = read_last_cycle_at(conn)
            steps.kept_since = max(steps.kept_since, set_up_at)
            if metric in _QUEUED:
                steps.stored_until = min(now, find_stored_until(conn) or set_up_at)
            series = METRICS[metric](conn, steps) if name is None else _read_named(conn, steps, metric, name)
            deploys = _read_deploys(conn, steps)
        unknown = _explain_gaps(series, steps)
    except UNREAD as error:
        series, deploys, unknown = None, None, dict.fromkeys(("series", "deploys"), explain_unread(error))
    return {
        "timestamp": now,
        "metric": metric,
        "range": asked.name,
        "step_s": asked.step_s,
        "from": steps.since,
        "to": steps.until,
        "series": series,
        "deploys": deploys,
        "unknown": unknown,
    }


def _explain_gaps(series: list[Series], steps: Steps) -> dict[str, Reason]:
    return {
        f"series.{place}.points.{number}.1": _explain(one["name"], start, steps)
        for place, one in enumerate(series)
        for number, (start, value) in enumerate(one["points"])
        if value is None
    }


def _explain(name: str, start: datetime, steps: Steps) -> Reason:
    if not steps.is_kept(start):
        return _NOT_KEPT
    return _WHY.get(name, _NOT_KEPT) if steps.is_stored(start) else _NOT_STORED


def _build_series(name: str, unit: Unit, points: Points, **labels: str) -> Series:
    return {"name": name, "unit": unit, "labels": labels, "points": points}


def _read_queues(conn: AnyConnection, steps: Steps) -> list[Series]:
    """Return the highest depth of each step, so that no backlog is averaged away, and the mean rate of completions."""
    found: dict[tuple[str, str], dict[datetime, float | None]] = {}
    for row in read_depths_between(conn, steps.since, steps.until, steps.step):
        if row["figure"] in _FIGURES:
            kind, _unit = _FIGURES[row["figure"]]
            found.setdefault((row["figure"], row["stage"]), {})[row["at"]] = round(row[kind], 3)
    order = list(_FIGURES)
    keys = sorted(found, key=lambda key: (order.index(key[0]), key[1]))
    return [_build_series(f, _FIGURES[f][1], steps.list_points(found[f, stage]), stage=stage) for f, stage in keys]


def _read_errors(conn: AnyConnection, steps: Steps) -> list[Series]:
    """Return every severity, with a known 0 for a kept step without any."""
    found: dict[str, dict[datetime, float | None]] = {severity: {} for severity in _SEVERITIES}
    for row in read_errors_by_step(conn, steps.since, steps.until, steps.step):
        found.setdefault(row["severity"], {})[row["at"]] = row["count"]
    return [_build_series("errors", "count", steps.list_counts(found[severity]), severity=severity) for severity in found]


def _read_requests(conn: AnyConnection, steps: Steps) -> list[Series]:
    return _summarize_requests(read_requests_by_step(conn, steps.since, steps.until, steps.step), steps)


def _read_named(conn: AnyConnection, steps: Steps, metric: Metric, name: str) -> list[Series]:
    if metric == "route":
        return _read_route(conn, steps, name)
    # Most charts need no rules, whose modules take long to import.
    from callwatch.reports.rule_values import read_rule_values

    return read_rule_values(conn, steps, name)


def _read_route(conn: AnyConnection, steps: Steps, route: str) -> list[Series]:
    """Return the series of one route; none without a request, as nothing shows that there is such a route."""
    rows = route_requests_by_step(conn, steps.since, steps.until, steps.step, route)
    return _summarize_requests(rows, steps) if rows else []


def _read_deploys(conn: AnyConnection, steps: Steps) -> list[HistoryDeploy]:
    found = list_deploys_between(conn, steps.since, steps.until, _MAX_DEPLOYS)
    return [{"at": row["finished_at"], "release": row["release"], "environment": row["environment"]} for row in found]


def _summarize_requests(rows: list[RequestStep], steps: Steps) -> list[Series]:
    """Return the rate of every step; latencies and the share of 5xx only for steps with traffic."""
    counts: dict[datetime, Counter[int]] = {}
    failed: Counter[datetime] = Counter()
    settled: Counter[datetime] = Counter()
    for row in rows:
        counts.setdefault(row["at"], Counter())[row["bucket"]] += row["count"]
        failed[row["at"]] += row["errors"]
        settled[row["at"]] += row["count"] - row["unsettled"]
    totals = {at: found.total() for at, found in counts.items()}
    rates = {at: round(total / steps.count_minutes(at), 3) for at, total in totals.items()}
    shares = {at: round(failed[at] / known, 5) for at, known in settled.items() if known}
    series = [_build_series("rpm", "per_minute", steps.list_counts(rates))]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        series.append(
            _build_series(name, "ms", steps.list_points({at: estimate_percentile(found, share) for at, found in counts.items()}))
        )
    return [*series, _build_series("error_rate", "ratio", steps.list_points(shares))]


def _read_services(conn: AnyConnection, steps: Steps) -> list[Series]:
    names = list(list_checks(get_settings()))
    found: dict[str, dict[datetime, float | None]] = {name: {} for name in names}
    for row in read_latencies_by_step(conn, steps.since, steps.until, steps.step, names):
        latency_ms = row["latency_ms"]
        found[row["service"]][row["at"]] = None if latency_ms is None else round(latency_ms, 1)
    return [_build_series("latency", "ms", steps.list_points(found[name]), service=name) for name in names]


METRICS: Mapping[Metric, Callable[[AnyConnection, Steps], list[Series]]] = {
    "queues": _read_queues,
    "errors": _read_errors,
    "requests": _read_requests,
    "services": _read_services,
}
