"""Status: is it working, what is wrong, what was done in the last hour."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.alerts.issues import current_issues, issues_read_only, issues_without_database
from callwatch.db import connection, fetch_one
from callwatch.db.check_results import service_states
from callwatch.db.cycles import last_cycle
from callwatch.db.failing import is_read_only
from callwatch.db.server import ServerFigures, session_figures
from callwatch.exceptions import DATABASE_DOWN, DatabaseUnavailable
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.product import of_stages
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import MONITOR_LATE_AFTER
from callwatch.reports.product import read_product
from callwatch.reports.unknown import Unknown
from callwatch.requests.performance import NO_TRAFFIC, performance
from callwatch.settings import Settings

_WORDS = {"healthy": "operational", "degraded": "degraded", "unhealthy": "down", "unknown": "unknown"}
_APIS = ("deepgram", "openai", "convoso")
_CONNECTIONS = ("active", "idle", "total")
_ACTIVITY = {
    "calls_processed_last_hour": "freshness.last_hour",
    "recordings_fetched_last_hour": "recordings.completed_last_hour",
    "transcriptions_completed_last_hour": "transcriptions.completed_last_hour",
    "analyses_completed_last_hour": "analyses.completed_last_hour",
}
_QUEUES = {
    "recordings": {"pending": "pending", "processing": "processing", "failed": "failed", "stale": "overdue"},
    "transcriptions": {"pending": "pending", "processing": "processing", "completed_today": "completed_today"},
}


def status(settings: Settings, now: datetime, uptime_s: float) -> dict[str, Any]:
    """The answer of GET /api/status; with the database down it says so, and what is not known is null."""
    unknown = Unknown()
    own = _read_own(now)
    measured = read_product(settings, now, of_stages(get_stages(settings.stages_file)))
    issues = own["issues"]
    kinds = {issue["type"] for issue in issues}
    answer = {
        "status": "outage" if "error" in kinds else "degraded" if "warning" in kinds else "operational",
        "timestamp": now,
        "uptime": {"seconds": round(uptime_s), "formatted": formatted(uptime_s)},
        "services": {
            "database": _database(own, unknown),
            "queues": _queues(measured, unknown),
            "external_apis": {name: _WORDS[(own["states"].get(name) or {}).get("status", "unknown")] for name in _APIS},
        },
        "performance": _performance(own["performance"], unknown),
        "issues": issues,
        "recent_activity": {
            name: unknown.say(f"recent_activity.{name}", measured.count(figure), measured.why(figure))
            for name, figure in _ACTIVITY.items()
        },
        "monitor": _monitor(own, now, unknown),
    }
    return {**answer, "unknown": unknown.reasons}


def formatted(seconds: float) -> str:
    """Seconds as "1d 2h 3m"."""
    minutes = int(seconds) // 60
    return f"{minutes // 1440}d {minutes // 60 % 24}h {minutes % 60}m"


def _read_own(now: datetime) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        with connection(statement_timeout_ms=2000) as conn:
            fetch_one(conn, "SELECT 1 AS one")
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            is_usable = not is_read_only(conn)
            found = {
                "latency_ms": latency_ms,
                "is_usable": is_usable,
                "sessions": session_figures(conn),
                "states": service_states(conn),
                "issues": current_issues(conn) if is_usable else issues_read_only(conn, now),
                "performance": performance(conn, now),
                "cycle": last_cycle(conn),
            }
            if not is_usable:
                conn.close()
            return found
    except DatabaseUnavailable:
        nothing = ServerFigures(dict.fromkeys(_CONNECTIONS), dict.fromkeys(_CONNECTIONS, DATABASE_DOWN))
        issues = issues_without_database(now)
        return {
            "latency_ms": None,
            "is_usable": False,
            "sessions": nothing,
            "states": {},
            "issues": issues,
            "performance": None,
            "cycle": None,
        }


def _monitor(own: Mapping[str, Any], now: datetime, unknown: Unknown) -> dict[str, Any]:
    """Who watches shows when it last did: late after three minutes."""
    is_up, cycle = own["latency_ms"] is not None, own["cycle"]
    reason = "no cycle has finished yet" if is_up else DATABASE_DOWN
    finished_at = cycle["finished_at"] if cycle else None
    is_late = None if not is_up else finished_at is None or now - finished_at > MONITOR_LATE_AFTER
    return {
        "last_cycle_at": unknown.say("monitor.last_cycle_at", finished_at, reason),
        "is_late": unknown.say("monitor.is_late", is_late, reason),
    }


def _database(own: Mapping[str, Any], unknown: Unknown) -> dict[str, Any]:
    path, sessions = "services.database", own["sessions"]
    return {
        "status": "operational" if own["is_usable"] else "down",
        "latency_ms": unknown.say(f"{path}.latency_ms", own["latency_ms"], DATABASE_DOWN),
        "connections": {
            n: unknown.say(f"{path}.connections.{n}", sessions.values[n], sessions.unknown.get(n)) for n in _CONNECTIONS
        },
    }


def _queues(measured: Measured, unknown: Unknown) -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = {}
    for queue, figures in _QUEUES.items():
        path = f"services.queues.{queue}"
        values = {
            name: (measured.count(f"{queue}.{figure}"), measured.why(f"{queue}.{figure}")) for name, figure in figures.items()
        }
        shown[queue] = {name: unknown.say(f"{path}.{name}", *value) for name, value in values.items()}
    return shown


def _performance(found: Mapping[str, Any] | None, unknown: Unknown) -> dict[str, Any]:
    names = ("avg_response_time_ms", "requests_per_minute", "error_rate", "p95_ms")
    if found is None:
        return dict(unknown.all_below("performance", names, DATABASE_DOWN))
    per_minute = None if found["rate"] is None else round(found["rate"] * 60, 2)
    values = (found["avg"], per_minute, found["error_rate"], found["p95"])
    return {n: unknown.say(f"performance.{n}", value, NO_TRAFFIC) for n, value in zip(names, values, strict=True)}
