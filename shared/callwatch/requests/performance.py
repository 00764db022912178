"""Rates and latencies of the product's requests, from histograms: percentiles are of requests, not of means."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.request_histograms import buckets_between, routes_between
from callwatch.models.facts import Fact
from callwatch.models.latency import percentile

NO_TRAFFIC = "no traffic in the window"
WINDOW = timedelta(minutes=5)
_ROUTES_SHOWN = 20
_ROUTES_JUDGED = 50
# With fewer requests a 95th percentile is the slowest one alone, which says little: half of them must be slow.
_FEW = 20
# With fewer still nothing is said of a route.
_FEWEST = 5


def performance(conn: AnyConnection, now: datetime) -> dict[str, Any]:
    """The product's requests of the last five minutes, and of the minute that is not over.

    Returns count, errors (5xx), rate (per second), error_rate, avg, p50, p95, p99 (ms) and by_route (the busiest).
    Rates and times are None where there was no traffic.
    """
    since, until = _window(now)
    total = _summarise(buckets_between(conn, since, until))
    rate = total["count"] / (now - since).total_seconds() if total["count"] else None
    return {**total, "rate": rate, "by_route": _by_route(conn, since, until, _ROUTES_SHOWN)}


def request_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """What rules are judged by; a window without traffic says so."""
    since, until = _window(now)
    recent = _summarise(buckets_between(conn, since, until))
    detail = None if recent["count"] else NO_TRAFFIC
    facts = [
        # Without requests none was slow: known, and no alarm.
        Fact("requests.avg_ms_5m", recent["avg"] or 0.0, detail=detail),
        Fact("requests.p95_ms_5m", recent["p95"] or 0.0, detail=detail),
        Fact("requests.count_5xx_5m", float(recent["errors"])),
    ]
    for route in _by_route(conn, since, until, _ROUTES_JUDGED):
        if route["count"] >= _FEWEST:
            name = "p95" if route["count"] >= _FEW else "p50"
            detail = f"{name} of {route['count']} requests to {route['route']}"
            facts.append(Fact("requests.route_p95_ms", route[name], None, {"route": route["route"]}, detail))
    return facts


def _window(now: datetime) -> tuple[datetime, datetime]:
    # A client's clock may be a little ahead of ours.
    return (now - WINDOW).replace(second=0, microsecond=0), now + timedelta(minutes=1)


def _by_route(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[dict[str, Any]]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in routes_between(conn, since, until, most):
        rows.setdefault(row["route"], []).append(row)
    by_route = [{"route": route, **_summarise(found)} for route, found in rows.items()]
    return sorted(by_route, key=lambda entry: (-entry["count"], entry["route"]))


def _summarise(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    counts: Counter[int] = Counter()
    errors, total_ms = 0, 0.0
    for row in rows:
        counts[row["bucket"]] += row["count"]
        errors += row["errors"]
        total_ms += row["total_ms"]
    count = sum(counts.values())
    return {
        "count": count,
        "errors": errors,
        "error_rate": errors / count if count else None,
        "avg": round(total_ms / count, 2) if count else None,
        "p50": percentile(counts, 0.5),
        "p95": percentile(counts, 0.95),
        "p99": percentile(counts, 0.99),
    }
