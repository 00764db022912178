"""Error statistics, from counters: their cost follows hours and groups, never the number of errors."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch import queue
from callwatch.db import connection
from callwatch.db.connect import AnyConnection
from callwatch.db.cycles import last_success_at
from callwatch.db.error_counts import counts_since, endpoints_since, minute_counts
from callwatch.db.error_groups import count_open
from callwatch.db.error_logs import recent_critical
from callwatch.db.top_groups import top_groups_since
from callwatch.exceptions import QueueUnavailable
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.settings import get_settings

Scope = Mapping[str, Any]
EVERY_PROJECT: Scope = {"project_id": None, "environment": None}
HOURS = 24
_TOP = 10
_ENDPOINTS = 20
_MOST_HOURS = 24 * 3650
# Counters by minute are kept for two days; what began before is told to the hour.
MINUTES_KEPT = timedelta(days=2)


def error_metrics(conn: AnyConnection, now: datetime, scope: Scope = EVERY_PROJECT) -> dict[str, Any]:
    """The answer of GET /api/metrics/errors, but for its timestamp; `unknown` says why a figure is None."""
    unknown: dict[str, str] = {}
    since = now - timedelta(hours=HOURS)
    hours = [_hour(since) + timedelta(hours=1 + index) for index in range(HOURS)]
    by_hour = counts_since(conn, hours[0], scope)
    by_severity, by_category = _summed(_counted(by_hour, _first_part(conn, since, hours[0], now, scope)))
    buffer_size, reason = buffered()
    if reason:
        unknown["summary.buffer_size"] = reason
    last_flush = last_success_at(conn, "flush")
    if last_flush is None:
        unknown["summary.last_flush"] = "no flush has succeeded yet"
    return {
        "summary": {
            "total_24h": sum(by_severity.values()),
            "total_1h": sum(_counts_between(conn, now - timedelta(hours=1), now, scope).values()),
            **{severity.value: by_severity[severity.value] for severity in reversed(ErrorSeverity)},
            "unresolved": count_open(conn, scope["project_id"], scope["environment"]),
            "buffer_size": buffer_size,
            "last_flush": last_flush,
        },
        "by_category": {category.value: by_category[category.value] for category in ErrorCategory},
        "by_endpoint": endpoints_since(conn, _hour(since), scope, _ENDPOINTS),
        "recent_critical": [
            {"timestamp": row["occurred_at"], **{name: row[name] for name in ("message", "category", "context")}}
            for row in recent_critical(conn, since, scope, _TOP)
        ],
        "top_errors": [
            {"id": str(row["id"]), **{name: row[name] for name in ("message", "count", "category", "severity", "fingerprint")}}
            for row in top_groups_since(conn, _hour(since), now, scope, _TOP)
        ],
        "trends": _trends(by_hour, hours),
        "unknown": unknown,
    }


def error_stats(hours: int = 24) -> dict[str, Any]:
    """Errors of the last hours: total, by_severity, by_category, top_errors (at most 10).

    Raises ValueError for hours that are no number from 1 to 24 * 3650, DatabaseUnavailable.
    """
    if not 1 <= hours <= _MOST_HOURS:
        raise ValueError(f"hours takes a number from 1 to {_MOST_HOURS}")
    now = datetime.now(UTC)
    with connection() as conn:
        counts = _counts_between(conn, now - timedelta(hours=hours), now, EVERY_PROJECT)
        top = top_groups_since(conn, _hour(now - timedelta(hours=hours)), now, EVERY_PROJECT, _TOP)
    by_severity, by_category = _summed(counts)
    return {
        "total": sum(by_severity.values()),
        "by_severity": dict(by_severity),
        "by_category": dict(by_category),
        "top_errors": [{name: row[name] for name in ("message", "count", "category", "severity", "fingerprint")} for row in top],
    }


def last_hour(conn: AnyConnection, now: datetime, scope: Scope = EVERY_PROJECT) -> tuple[int, int]:
    """Errors of the last 60 minutes: all, and critical ones."""
    by_severity, _by_category = _summed(_counts_between(conn, now - timedelta(hours=1), now, scope))
    return sum(by_severity.values()), by_severity[ErrorSeverity.CRITICAL.value]


def buffered() -> tuple[int | None, str | None]:
    """Errors accepted and not yet in PostgreSQL, as SQS estimates them; or None and why that is not known."""
    settings = get_settings()
    try:
        urls = (settings.error_queue_url, settings.critical_queue_url)
        return sum(queue.approximate_count(url) for url in urls), None
    except QueueUnavailable as error:
        return None, str(error)


def _counts_between(conn: AnyConnection, since: datetime, until: datetime, scope: Scope) -> Counter[tuple[str, str]]:
    """Counts by (severity, category): whole hours from the counters by hour, the first part of one by minutes."""
    if until - since >= MINUTES_KEPT:
        return _counted(counts_since(conn, _hour(since), scope))
    first_whole_hour = _hour(since) + timedelta(hours=1)
    return _counted(counts_since(conn, first_whole_hour, scope), _first_part(conn, since, first_whole_hour, until, scope))


def _first_part(
    conn: AnyConnection, since: datetime, first_whole_hour: datetime, until: datetime, scope: Scope
) -> list[dict[str, Any]]:
    """Rows severity, category, count of the part of an hour with which a span begins."""
    first_minute = since.replace(second=0, microsecond=0)
    return minute_counts(conn, first_minute, min(first_whole_hour, until + timedelta(minutes=1)), scope)


def _counted(*parts: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in itertools.chain(*parts):
        counts[(row["severity"], row["category"])] += row["count"]
    return counts


def _summed(counts: Mapping[tuple[str, str], int]) -> tuple[Counter[str], Counter[str]]:
    by_severity: Counter[str] = Counter()
    by_category: Counter[str] = Counter()
    for (severity, category), count in counts.items():
        by_severity[severity] += count
        by_category[category] += count
    return by_severity, by_category


def _trends(by_hour: Sequence[Mapping[str, Any]], hours: Sequence[datetime]) -> dict[str, list[Any]]:
    """24 hours, oldest first, the current one last; an hour without errors is a known 0."""
    total: Counter[datetime] = Counter()
    critical: Counter[datetime] = Counter()
    for row in by_hour:
        total[row["hour"]] += row["count"]
        if row["severity"] == ErrorSeverity.CRITICAL:
            critical[row["hour"]] += row["count"]
    return {
        "error_rate_per_hour": [total[hour] for hour in hours],
        "critical_rate_per_hour": [critical[hour] for hour in hours],
        "hours": list(hours),
    }


def _hour(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)
