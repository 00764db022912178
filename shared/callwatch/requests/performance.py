"""Rates and latencies of the product's requests, from histograms: percentiles are of requests, not of means."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from callwatch.db.api_logs import histogram_between
from callwatch.db.connect import AnyConnection
from callwatch.models.facts import Fact
from callwatch.models.latency import percentile

NO_TRAFFIC = "no traffic in the window"


def performance(conn: AnyConnection, now: datetime, window_s: int = 300) -> dict[str, Any]:
    """Requests of the last whole window: count, errors, rate (per second), error_rate, avg, p50, p95, p99 (ms), by_route.

    Figures are None where there was no traffic.
    """
    since = (now - timedelta(seconds=window_s)).replace(second=0, microsecond=0)
    rows = histogram_between(conn, since, now + timedelta(minutes=1), by_hour=window_s > 6 * 3600)
    total = _summarise(rows)
    routes = {row["route"] for row in rows}
    by_route = [{"route": route, **_summarise([row for row in rows if row["route"] == route])} for route in routes]
    return {
        **total,
        "rate": total["count"] / max(1.0, (now - since).total_seconds()),
        "by_route": sorted(by_route, key=lambda entry: (-entry["count"], entry["route"]))[:20],
    }


def request_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """What rules are judged by; a window without traffic says so."""
    recent = performance(conn, now)
    reason = None if recent["count"] else NO_TRAFFIC
    return [
        # Without requests none was slow: known, and no alarm.
        Fact("requests.avg_ms_5m", recent["avg"] or 0.0, reason),
        Fact("requests.p95_ms_5m", recent["p95"] or 0.0, reason),
        Fact("requests.count_5xx_5m", float(recent["errors"])),
    ]


def _summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
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
