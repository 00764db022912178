"""Builds the weekly report from counters and alerts; an unknown figure is null, with a reason."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from callwatch.checks.registry import list_checks
from callwatch.checks.uptime import MIN_WATCHED_PERCENT
from callwatch.counters.performance import Summary, summarize
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.cycles import read_last_cycle_at
from callwatch.db.report_queries import weekly as queries
from callwatch.models.reason import NO_REQUESTS, NO_STATUS, Reason
from callwatch.reports.missing_values import Unknown
from callwatch.reports.weekly.cost import read_cost
from callwatch.reports.weekly.targets import build_targets
from callwatch.reports.weekly.week import Week
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import (
        WeeklyAlerts,
        WeeklyErrors,
        WeeklyReport,
        WeeklyRequests,
        WeeklyService,
        WeeklyStage,
    )

MOST_SHOWN = 10
_RATE_LIMITED, _QUOTA = "vendor_rate_limited", "vendor_quota"
_NOT_KEPT = Reason("not_recorded", "the week is older than the retention")
_BEFORE = Reason("not_recorded", "the monitor was set up after this week")
_NONE_SUCH = Reason("none", "there is none in this week")
_NEVER_READ = Reason("not_recorded", "the figure was not read in this week")


def build_weekly(conn: AnyConnection, settings: Settings, week: Week, now: datetime) -> WeeklyReport:
    """Build the response of GET /api/reports/weekly."""
    unknown = Unknown()
    span: queries.Span = {"since": week.since, "until": week.until}
    _last_at, set_up_at = read_last_cycle_at(conn)
    is_over = week.since < now - timedelta(days=settings.retention_days)
    # Nobody counted what happened before: it is unknown, and not 0.
    lost = _BEFORE if week.until <= set_up_at else _NOT_KEPT if is_over else None
    summary = None if lost else summarize(queries.sum_requests(conn, span))
    cost = read_cost(conn, settings, week)
    services = _list_services(conn, settings, span, unknown)
    return {
        "timestamp": now,
        "week": week.name,
        "timezone": week.timezone,
        "since": week.since,
        "until": week.until,
        "is_complete": week.is_complete,
        "recorded_since": max(week.since, set_up_at),
        "targets": build_targets(conn, settings, span, services, summary, cost, now, unknown),
        "services": services,
        "requests": _describe_requests(summary, lost, unknown),
        "pipeline": _list_stages(conn, span, unknown),
        "alerts": _describe_alerts(conn, span, lost if lost is _BEFORE else None, unknown),
        "errors": _describe_errors(conn, span, lost, unknown),
        "cost": {
            "total": unknown.say("cost.total", cost.usd, cost.why),
            "per_call": unknown.say("cost.per_call", cost.per_call, cost.why),
            "calls": unknown.say("cost.calls", cost.calls, cost.why),
            "unpriced_calls": unknown.say("cost.unpriced_calls", cost.unpriced_calls, cost.why),
        },
        "unknown": unknown.reasons,
    }


def _list_services(conn: AnyConnection, settings: Settings, span: queries.Span, unknown: Unknown) -> list[WeeklyService]:
    rows = {row["service"]: row for row in queries.sum_uptime(conn, span)}
    firing_s = queries.sum_firing_s(conn, span, [_RATE_LIMITED, _QUOTA])
    span_s = (span["until"] - span["since"]).total_seconds()
    found: list[WeeklyService] = []
    for place, name in enumerate(dict.fromkeys([*list_checks(settings), *rows])):
        row = rows.get(name)
        watched = min(100.0, _floor(100 * row["watched_s"] / span_s)) if row else 0.0
        is_known = row is not None and row["checked"] > 0 and watched >= MIN_WATCHED_PERCENT
        share = row["up"] / row["checked"] if row and is_known else None
        down = None if row is None or share is None else round((1 - share) * row["watched_s"] / 60, 1)
        why = Reason("not_recorded", f"{watched:g} % of the week was observed; {MIN_WATCHED_PERCENT:g} % are needed")
        path = f"services.{place}"
        limited, quota = (
            round(firing_s.get((name, rule), 0.0) / 60, 1) if is_known else None for rule in (_RATE_LIMITED, _QUOTA)
        )
        found.append({
            "name": name,
            "uptime": unknown.say(f"{path}.uptime", None if share is None else _floor(100 * share), why),
            "watched": watched,
            "minutes_down": unknown.say(f"{path}.minutes_down", down, why),
            "minutes_rate_limited": unknown.say(f"{path}.minutes_rate_limited", limited, why),
            "minutes_out_of_quota": unknown.say(f"{path}.minutes_out_of_quota", quota, why),
        })  # fmt: skip
    return found


def _describe_requests(summary: Summary | None, lost: Reason | None, unknown: Unknown) -> WeeklyRequests:
    why = lost or (NO_STATUS if summary and summary["count"] else NO_REQUESTS)
    return {
        "count": unknown.say("requests.count", summary and summary["count"], why),
        "error_rate": unknown.say("requests.error_rate", summary and summary["error_rate"], why),
        "p50_ms": unknown.say("requests.p50_ms", summary and summary["p50"], why),
        "p95_ms": unknown.say("requests.p95_ms", summary and summary["p95"], why),
        "p99_ms": unknown.say("requests.p99_ms", summary and summary["p99"], why),
    }


def _list_stages(conn: AnyConnection, span: queries.Span, unknown: Unknown) -> list[WeeklyStage]:
    return [
        {
            "name": row["stage"],
            "completed": unknown.say(f"pipeline.{place}.completed", row["completed"], _NEVER_READ),
            "peak_pending": unknown.say(f"pipeline.{place}.peak_pending", row["peak_pending"], _NEVER_READ),
            "hours_read": row["hours_read"],
        }
        for place, row in enumerate(queries.sum_stages(conn, span))
    ]


def _describe_alerts(conn: AnyConnection, span: queries.Span, lost: Reason | None, unknown: Unknown) -> WeeklyAlerts:
    sums, path = queries.sum_alerts(conn, span), "alerts"

    def count(name: Literal["count", "inhibited", "acknowledged", "resolved"]) -> int | None:
        return unknown.say(f"{path}.{name}", None if lost else sums[name], lost)

    def read_mean(name: Literal["acknowledge", "resolve"], value: float | None) -> float | None:
        return unknown.say(f"{path}.mean_time_to_{name}_s", None if value is None else round(value, 1), lost or _NONE_SUCH)

    return {
        "count": count("count"),
        "by_level": queries.count_by_level(conn, span),
        "inhibited": count("inhibited"),
        "acknowledged": count("acknowledged"),
        "resolved": count("resolved"),
        "mean_time_to_acknowledge_s": read_mean("acknowledge", sums["to_acknowledge_s"]),
        "mean_time_to_resolve_s": read_mean("resolve", sums["to_resolve_s"]),
        "noisiest_rules": [{**row} for row in queries.list_noisiest(conn, span, MOST_SHOWN)],
    }


def _describe_errors(conn: AnyConnection, span: queries.Span, lost: Reason | None, unknown: Unknown) -> WeeklyErrors:
    by_severity = {} if lost else queries.count_by_severity(conn, span)
    new_count, new = queries.list_new_groups(conn, span, MOST_SHOWN)
    regressed_count, regressed = queries.list_regressed_groups(conn, span, MOST_SHOWN)
    return {
        "total": unknown.say("errors.total", None if lost else sum(by_severity.values()), lost),
        "by_severity": by_severity,
        "new_count": unknown.say("errors.new_count", None if lost else new_count, lost),
        "new": [{**row} for row in new],
        "regressed_count": unknown.say("errors.regressed_count", None if lost else regressed_count, lost),
        "regressed": [{**row} for row in regressed],
    }


def _floor(percent: float) -> float:
    """Round down, so that 100 means all of it."""
    return math.floor(1000 * percent) / 1000
