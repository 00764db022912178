"""Error statistics, from counters: their cost grows with hours and groups, never with the number of errors."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from callwatch import sqs
from callwatch.counters.client_discards import explain_missing, read_client_discarded
from callwatch.counters.logs_and_sessions import read_crash_free, read_log_lines
from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_counts import (
    CountRow,
    HourCountRow,
    Scope,
    count_errors_by_minute,
    count_errors_since,
    list_endpoints_since,
)
from callwatch.db.error_queries.error_groups import count_open
from callwatch.db.error_queries.error_logs import CriticalRow, list_recent_critical
from callwatch.db.error_queries.top_groups import TopGroup, list_top_groups_since
from callwatch.db.queries.cycles import find_last_success_at
from callwatch.exceptions import QueueUnavailable
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.models.reason import Reason
from callwatch.route_names import split_method
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.error_metrics import CriticalError, ErrorMetrics, ErrorTrends, TopError

EVERY_PROJECT: Scope = {"project_id": None, "environment": None}
HOURS = 24
_TOP = 10
_ENDPOINTS = 20
_NO_BEGINNING = Reason("none", "no session of the release began in the window")
_NO_QUEUE = Reason("not_configured", "the queue URL is not configured")
_ELSEWHERE = Reason("unavailable", "it lies in the store of payloads: the occurrence in GET /api/errors/{id} has it")
_MAX_HOURS = 24 * 3650
# Counters by minute are kept for two days; a span that began before is reported by whole hours.
MINUTES_KEPT = timedelta(days=2)


class ErrorStats(TypedDict):
    """What `read_error_stats` returns; top_errors: at most 10."""

    total: int
    by_severity: dict[str, int]
    by_category: dict[str, int]
    top_errors: list[ErrorStat]


class ErrorStat(TypedDict):
    """One of the most frequent error groups."""

    message: str
    count: int
    category: str
    severity: str
    fingerprint: str


def read_error_metrics(conn: AnyConnection, now: datetime, scope: Scope = EVERY_PROJECT) -> ErrorMetrics:
    """The response of GET /api/metrics/errors; `unknown` says why a figure is None."""
    unknown: dict[str, Reason] = {}
    since = now - timedelta(hours=HOURS)
    hours = [_floor_to_hour(since) + timedelta(hours=1 + index) for index in range(HOURS)]
    by_hour = count_errors_since(conn, hours[0], scope)
    by_severity, by_category = _sum_counts(_make_counter(by_hour, _count_first_part(conn, since, hours[0], now, scope)))
    buffer_size, reason = count_buffered()
    if reason:
        unknown["summary.buffer_size"] = reason
    last_flush = find_last_success_at(conn, "flush")
    if last_flush is None:
        unknown["summary.last_flush"] = Reason("none", "no flush has succeeded yet")
    discarded, missing = read_client_discarded(conn, now, scope["project_id"])
    totals = {
        "24h": sum(by_severity.values()),
        "1h": sum(_count_between(conn, now - timedelta(hours=1), now, scope).values()),
    }
    crash_free = read_crash_free(conn, now, scope)
    unknown |= {f"crash_free.{at}.crash_free_rate": _NO_BEGINNING for at, row in enumerate(crash_free) if not row["sessions"]}
    unknown |= {f"summary.occurred_{span}": explain_missing(count, span) for span, count in missing.items() if count}
    critical = list_recent_critical(conn, since, scope, _TOP)
    unknown |= {f"recent_critical.{at}.context": _ELSEWHERE for at, row in enumerate(critical) if row["is_elsewhere"]}
    return {
        "timestamp": now,
        "summary": {
            "total_24h": totals["24h"],
            "total_1h": totals["1h"],
            "critical": by_severity["critical"],
            "high": by_severity["high"],
            "medium": by_severity["medium"],
            "low": by_severity["low"],
            "unresolved": count_open(conn, scope["project_id"], scope["environment"]),
            "buffer_size": buffer_size,
            "last_flush": last_flush,
            "occurred_24h": None if missing["24h"] else totals["24h"],
            "occurred_1h": None if missing["1h"] else totals["1h"],
        },
        "by_category": {category.value: by_category[category.value] for category in ErrorCategory},
        "by_endpoint": [
            {**row, "route": split_method(row["endpoint"])[1]}
            for row in list_endpoints_since(conn, _floor_to_hour(since), scope, _ENDPOINTS)
        ],
        "recent_critical": [_describe_critical(row) for row in critical],
        "top_errors": [_describe_top(row) for row in list_top_groups_since(conn, _floor_to_hour(since), now, scope, _TOP)],
        "trends": _compute_trends(by_hour, hours),
        "client_discarded": discarded,
        "log_lines": read_log_lines(conn, now, scope),
        "crash_free": crash_free,
        "unknown": unknown,
    }


def read_without_database(now: datetime, why: Reason) -> ErrorMetrics:
    """The response of GET /api/metrics/errors while the database does not respond: the size of the queue is known."""
    buffer_size, reason = count_buffered()
    nothing: ErrorMetrics = {
        "timestamp": now,
        "summary": {
            "total_24h": None,
            "total_1h": None,
            "critical": None,
            "high": None,
            "medium": None,
            "low": None,
            "unresolved": None,
            "buffer_size": buffer_size,
            "last_flush": None,
            "occurred_24h": None,
            "occurred_1h": None,
        },
        "by_category": None,
        "by_endpoint": None,
        "recent_critical": None,
        "top_errors": None,
        "trends": None,
        "client_discarded": None,
        "log_lines": None,
        "crash_free": None,
        "unknown": {},
    }
    unread = {name: why for name, value in nothing.items() if value is None}
    unread |= {f"summary.{name}": why for name, value in nothing["summary"].items() if value is None}
    if reason:
        unread["summary.buffer_size"] = reason
    return {**nothing, "unknown": unread}


def _describe_critical(row: CriticalRow) -> CriticalError:
    return {
        "timestamp": row["occurred_at"],
        "message": row["message"],
        "category": row["category"],
        "context": row["context"],
    }


def _describe_top(row: TopGroup) -> TopError:
    return {
        "id": str(row["id"]),
        "message": row["message"],
        "count": row["count"],
        "category": row["category"],
        "severity": row["severity"],
        "fingerprint": row["fingerprint"],
    }


def read_error_stats(hours: int = 24) -> ErrorStats:
    """Errors of the last hours: total, by_severity, by_category, top_errors (at most 10).

    Raises ValueError if hours is not a number from 1 to 24 * 3650, and DatabaseUnavailable.
    """
    if not 1 <= hours <= _MAX_HOURS:
        raise ValueError(f"hours must be a number from 1 to {_MAX_HOURS}")
    now = datetime.now(UTC)
    with connection() as conn:
        counts = _count_between(conn, now - timedelta(hours=hours), now, EVERY_PROJECT)
        top = list_top_groups_since(conn, _floor_to_hour(now - timedelta(hours=hours)), now, EVERY_PROJECT, _TOP)
    by_severity, by_category = _sum_counts(counts)
    return {
        "total": sum(by_severity.values()),
        "by_severity": dict(by_severity),
        "by_category": dict(by_category),
        "top_errors": [
            {
                "message": row["message"],
                "count": row["count"],
                "category": row["category"],
                "severity": row["severity"],
                "fingerprint": row["fingerprint"],
            }
            for row in top
        ],
    }


def count_last_hour(conn: AnyConnection, now: datetime, scope: Scope = EVERY_PROJECT) -> tuple[int, int]:
    """Errors of the last 60 minutes: all, and critical ones."""
    by_severity, _by_category = _sum_counts(_count_between(conn, now - timedelta(hours=1), now, scope))
    return sum(by_severity.values()), by_severity[ErrorSeverity.CRITICAL.value]


def count_buffered() -> tuple[int | None, Reason | None]:
    """Errors accepted and not yet in PostgreSQL, as SQS estimates them; or None and the reason."""
    settings = get_settings()
    try:
        if settings.error_queue_url is None or settings.critical_queue_url is None:
            return None, _NO_QUEUE
        urls = (settings.error_queue_url, settings.critical_queue_url)
        return sum(sqs.estimate_count(url) for url in urls), None
    except QueueUnavailable as error:
        return None, sqs.explain_unread(error)


def _count_between(conn: AnyConnection, since: datetime, until: datetime, scope: Scope) -> Counter[tuple[str, str]]:
    """Counts by (severity, category): whole hours from the counters by hour, a first partial hour from those by minute."""
    if until - since >= MINUTES_KEPT:
        return _make_counter(count_errors_since(conn, _floor_to_hour(since), scope))
    first_whole_hour = _floor_to_hour(since) + timedelta(hours=1)
    return _make_counter(
        count_errors_since(conn, first_whole_hour, scope), _count_first_part(conn, since, first_whole_hour, until, scope)
    )


def _count_first_part(
    conn: AnyConnection, since: datetime, first_whole_hour: datetime, until: datetime, scope: Scope
) -> list[CountRow]:
    """The counts of the partial hour at the start of a span."""
    first_minute = since.replace(second=0, microsecond=0)
    return count_errors_by_minute(conn, first_minute, min(first_whole_hour, until + timedelta(minutes=1)), scope)


def _make_counter(*parts: Iterable[CountRow]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in itertools.chain(*parts):
        counts[(row["severity"], row["category"])] += row["count"]
    return counts


def _sum_counts(counts: Mapping[tuple[str, str], int]) -> tuple[Counter[str], Counter[str]]:
    by_severity: Counter[str] = Counter()
    by_category: Counter[str] = Counter()
    for (severity, category), count in counts.items():
        by_severity[severity] += count
        by_category[category] += count
    return by_severity, by_category


def _compute_trends(by_hour: Sequence[HourCountRow], hours: Sequence[datetime]) -> ErrorTrends:
    """24 hours, oldest first, the current one last; an hour without errors is a known 0."""
    total: Counter[datetime] = Counter()
    critical: Counter[datetime] = Counter()
    for row in by_hour:
        total[row["hour"]] += row["count"]
        if row["severity"] == ErrorSeverity.CRITICAL.value:
            critical[row["hour"]] += row["count"]
    return {
        "error_rate_per_hour": [total[hour] for hour in hours],
        "critical_rate_per_hour": [critical[hour] for hour in hours],
        "hours": list(hours),
    }


def _floor_to_hour(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)
