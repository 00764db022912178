"""Rates and latencies of the product's requests, from histograms: percentiles of requests, not of averages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from callwatch.counters.work import explain_no_requests
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.request_histograms import (
    BucketRow,
    RouteBucketRow,
    read_buckets_between,
    read_routes_between,
    route_speeds,
)
from callwatch.models.latency import estimate_percentile, find_value
from callwatch.models.reason import NO_STATUS, Reason
from callwatch.models.sample import Sample

if TYPE_CHECKING:
    from callwatch.models.shapes.system import Route

WINDOW = timedelta(minutes=5)
_ROUTES_SHOWN = 20
_NO_REQUESTS = Reason("no_traffic", "the route had no requests in 5 minutes")
_ROUTE_METRIC = "requests.route_p95_ms"
# Metrics of this module whose lists are complete: an instance that is absent is clear.
COMPLETE = ("requests.avg_ms_5m", "requests.p95_ms_5m", "requests.count_5xx_5m")
# Every route with enough requests is evaluated; the limit keeps a flood of invented routes from stopping the cycle.
_MAX_ROUTES = 2_000
# With fewer requests, the 95th percentile is the slowest one alone, which says little: half of them must be slow.
_FEW = 20
# With even fewer requests, the route is not reported.
_MIN_SHOWN = 5


class Summary(TypedDict):
    """Requests: all, those with 5xx, their share 0..1, and times in ms; rate and times are None without traffic.

    error_rate: of the requests of which it is known; None if there are none.
    """

    count: int
    errors: int
    error_rate: float | None
    avg: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Requests(Summary):
    """All requests of a window; rate: per second. by_route: the busiest. why: figures are None."""

    rate: float | None
    by_route: list[Route]
    why: Reason


def read_performance(conn: AnyConnection, now: datetime) -> Requests:
    """The product's requests of the last five complete minutes and of the current one."""
    since, until = _compute_window(now)
    total = summarize(read_buckets_between(conn, since, until))
    rate = total["count"] / (now - since).total_seconds() if total["count"] else None
    why = NO_STATUS if total["count"] else explain_no_requests(conn, now)
    return {**total, "rate": rate, "by_route": _group_by_route(conn, since, until, _ROUTES_SHOWN), "why": why}


def read_request_samples(
    conn: AnyConnection, now: datetime, firing: Mapping[str, Sequence[Mapping[str, str]]] | None = None
) -> list[Sample]:
    """The samples that rules evaluate; a window without traffic says so.

    firing: labels of firing instances by metric; their routes are reported by name, however few requests they have.
    """
    since, until = _compute_window(now)
    recent = summarize(read_buckets_between(conn, since, until))
    # Without requests none was slow and none failed: that is known, and neither an alarm nor an all-clear.
    doubt = None if recent["count"] else explain_no_requests(conn, now)
    detail = doubt.message if doubt else None
    samples = [
        Sample("requests.avg_ms_5m", recent["avg"] or 0.0, detail=detail, inconclusive=doubt),
        Sample("requests.p95_ms_5m", recent["p95"] or 0.0, detail=detail, inconclusive=doubt),
        Sample("requests.count_5xx_5m", float(recent["errors"]), inconclusive=doubt),
    ]
    asked = [labels["route"] for labels in (firing or {}).get(_ROUTE_METRIC, ()) if "route" in labels]
    return samples + _route_samples(conn, since, until, asked)


def _route_samples(conn: AnyConnection, since: datetime, until: datetime, asked: Sequence[str]) -> list[Sample]:
    """How long requests to each route take; a firing route without requests abstains."""
    samples = []
    rows = route_speeds(conn, since, until, _MIN_SHOWN, asked, _MAX_ROUTES)
    for row in rows:
        name = "p95" if row["count"] >= _FEW else "p50"
        detail = f"{name} of {row['count']} requests to {row['route']}"
        took_ms = round(find_value(row["p95_bucket"] if name == "p95" else row["p50_bucket"]), 2)
        samples.append(Sample(_ROUTE_METRIC, took_ms, None, {"route": row["route"]}, detail))
    silent = set(asked) - {row["route"] for row in rows}
    return samples + [Sample(_ROUTE_METRIC, None, labels={"route": route}, inconclusive=_NO_REQUESTS) for route in sorted(silent)]


def _compute_window(now: datetime) -> tuple[datetime, datetime]:
    # A client's clock may be slightly ahead of ours.
    return (now - WINDOW).replace(second=0, microsecond=0), now + timedelta(minutes=1)


def _group_by_route(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[Route]:
    rows: dict[str, list[RouteBucketRow]] = {}
    for row in read_routes_between(conn, since, until, most):
        rows.setdefault(row["route"], []).append(row)
    by_route: list[Route] = [{"route": route, **summarize(found)} for route, found in rows.items()]
    return sorted(by_route, key=lambda entry: (-entry["count"], entry["route"]))


def summarize(rows: Iterable[BucketRow]) -> Summary:
    """Sum requests that are given by bucket."""
    counts: Counter[int] = Counter()
    errors, unsettled, total_ms = 0, 0, 0.0
    for row in rows:
        counts[row["bucket"]] += row["count"]
        errors += row["errors"]
        unsettled += row["unsettled"]
        total_ms += row["total_ms"]
    count = sum(counts.values())
    return {
        "count": count,
        "errors": errors,
        "error_rate": errors / (count - unsettled) if count > unsettled else None,
        "avg": round(total_ms / count, 2) if count else None,
        "p50": estimate_percentile(counts, 0.5),
        "p95": estimate_percentile(counts, 0.95),
        "p99": estimate_percentile(counts, 0.99),
    }
