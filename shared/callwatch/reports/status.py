"""Status: whether the system works, what is wrong, and the activity of the last hour."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.outage.issues import list_current_issues, list_issues_read_only, list_issues_without_database
from callwatch.counters.performance import Requests, read_performance
from callwatch.db import connection, fetch_one
from callwatch.db.core.db_errors import explain_no_writes
from callwatch.db.core.server import ServerFigures, Sessions, has_no_free_session, read_sessions
from callwatch.db.core.unreadable import explain_unread
from callwatch.db.queries.check_results import ServiceState, read_service_states
from callwatch.db.queries.cycles import Signs, read_signs
from callwatch.exceptions import DatabaseSaturated, DatabaseUnavailable
from callwatch.models.reason import DATABASE_UNAVAILABLE, Reason
from callwatch.pipeline.product import select_for_stages
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.figures import Part
from callwatch.reports.health import describe_monitor
from callwatch.reports.missing_values import Unknown
from callwatch.reports.product import read_product
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.status import (
        ApiStatus,
        Connections,
        DatabaseState,
        DatabaseStatus,
        Issue,
        Performance,
        Queues,
        RecentActivity,
        StatusParts,
    )

_WORDS: Mapping[str, ApiStatus] = {
    "healthy": "operational",
    "degraded": "degraded",
    "unhealthy": "down",
    "unknown": "unknown",
}
_APIS = ("deepgram", "openai", "convoso")


@dataclass(frozen=True, slots=True)
class _Own:
    """What the monitor's own database says. why: why what is None is not known."""

    state: DatabaseState
    issues: list[Issue]
    why: Reason = DATABASE_UNAVAILABLE
    latency_ms: float | None = None
    sessions: ServerFigures[Sessions] | None = None
    states: Mapping[str, ServiceState] = field(default_factory=dict)
    performance: Requests | None = None
    signs: Signs | None = None


def build_status(settings: Settings, now: datetime, uptime_s: float, measured: Measured | None = None) -> StatusParts:
    """Build the response of GET /api/status; while the database is down it says so, and unknown values are null.

    measured: the product, if it is read already.
    """
    unknown = Unknown()
    own = _read_own(now)
    if measured is None:
        measured = read_product(settings, now, select_for_stages(get_stages(settings.stages_file)))
    kinds = {issue["type"] for issue in own.issues}
    return {
        "status": "outage" if "error" in kinds else "degraded" if "warning" in kinds else "operational",
        "timestamp": now,
        "uptime": {"seconds": round(uptime_s), "formatted": format_uptime(uptime_s)},
        "services": {
            "database": _describe_database(own, unknown),
            "queues": _describe_queues(measured, unknown),
            "external_apis": {name: _describe_api(own.states.get(name)) for name in _APIS},
        },
        "performance": _describe_performance(own, unknown),
        "issues": own.issues,
        "recent_activity": _describe_activity(Part("recent_activity", measured, unknown)),
        "monitor": describe_monitor(own.signs, now, own.why, unknown),
        "unknown": unknown.reasons,
    }


def format_uptime(seconds: float) -> str:
    """Format seconds as "1d 2h 3m"."""
    minutes = int(seconds) // 60
    return f"{minutes // 1440}d {minutes // 60 % 24}h {minutes % 60}m"


def _read_own(now: datetime) -> _Own:
    started = time.perf_counter()
    try:
        with connection(statement_timeout_ms=2000) as conn:
            fetch_one(conn, "SELECT 1 AS one")
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            is_usable = explain_no_writes(conn) is None
            sessions = read_sessions(conn)
            found = _Own(
                state="down" if not is_usable else "saturated" if has_no_free_session(sessions.values) else "operational",
                issues=list_current_issues(conn) if is_usable else list_issues_read_only(conn, now),
                latency_ms=latency_ms,
                sessions=sessions,
                states=read_service_states(conn),
                performance=read_performance(conn, now),
                signs=read_signs(conn),
            )
            if not is_usable:
                conn.close()
            return found
    except DatabaseUnavailable as error:
        is_saturated = isinstance(error, DatabaseSaturated)
        issues = list_issues_without_database(now, "has no free connection" if is_saturated else "does not respond")
        return _Own(state="saturated" if is_saturated else "down", issues=issues, why=explain_unread(error))


def _describe_api(state: ServiceState | None) -> ApiStatus:
    return _WORDS[state["status"] if state else "unknown"]


def _describe_database(own: _Own, unknown: Unknown) -> DatabaseStatus:
    path = "services.database"
    values, reasons = (own.sessions.values, own.sessions.unknown) if own.sessions else (None, {})

    def say(name: str, value: int | None) -> int | None:
        return unknown.say(f"{path}.connections.{name}", value, reasons.get(name) if values else own.why)

    connections: Connections = {
        "active": say("active", values and values["active"]),
        "idle": say("idle", values and values["idle"]),
        "total": say("total", values and values["total"]),
    }
    return {
        "status": own.state,
        "latency_ms": unknown.say(f"{path}.latency_ms", own.latency_ms, own.why),
        "connections": connections,
    }


def _describe_queues(measured: Measured, unknown: Unknown) -> Queues:
    recordings = Part("services.queues.recordings", measured, unknown)
    transcriptions = Part("services.queues.transcriptions", measured, unknown)
    return {
        "recordings": {
            "pending": recordings.get_count("pending", "recordings.pending"),
            "processing": recordings.get_count("processing", "recordings.processing"),
            "failed": recordings.get_count("failed", "recordings.failed"),
            "stale": recordings.get_count("stale", "recordings.overdue"),
        },
        "transcriptions": {
            "pending": transcriptions.get_count("pending", "transcriptions.pending"),
            "processing": transcriptions.get_count("processing", "transcriptions.processing"),
            "completed_today": transcriptions.get_count("completed_today", "transcriptions.completed_today"),
        },
    }


def _describe_activity(part: Part) -> RecentActivity:
    return {
        "calls_processed_last_hour": part.get_count("calls_processed_last_hour", "freshness.last_hour"),
        "recordings_fetched_last_hour": part.get_count("recordings_fetched_last_hour", "recordings.completed_last_hour"),
        "transcriptions_completed_last_hour": part.get_count(
            "transcriptions_completed_last_hour", "transcriptions.completed_last_hour"
        ),
        "analyses_completed_last_hour": part.get_count("analyses_completed_last_hour", "analyses.completed_last_hour"),
    }


def _describe_performance(own: _Own, unknown: Unknown) -> Performance:
    found = own.performance
    why = found["why"] if found else own.why
    rate = found["rate"] if found else None
    per_minute = None if rate is None else round(rate * 60, 2)
    return {
        "avg_response_time_ms": unknown.say("performance.avg_response_time_ms", found and found["avg"], why),
        "requests_per_minute": unknown.say("performance.requests_per_minute", per_minute, why),
        "error_rate": unknown.say("performance.error_rate", found and found["error_rate"], why),
        "p95_ms": unknown.say("performance.p95_ms", found and found["p95"], why),
    }
