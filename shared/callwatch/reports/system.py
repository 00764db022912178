"""Metrics of the system: this process, the database, the product's API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.db import connection, pool_statistics
from callwatch.db.server import session_figures, storage_figures
from callwatch.db.unread import UNREAD, why_unread
from callwatch.reports.unknown import Unknown
from callwatch.requests.performance import NO_TRAFFIC, performance

_STATEMENT_MS = 3_000
_CONNECTIONS = ("active", "idle", "max")
_FIGURES = ("size_mb", "cache_hit_percent", "longest_query_s", "deadlocks", "replication_lag_s")
_API = {
    "request_rate": "rate",
    "error_rate": "error_rate",
    "avg_response_time": "avg",
    "p50_ms": "p50",
    "p95_ms": "p95",
    "p99_ms": "p99",
}


def system_metrics(now: datetime, own: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of GET /api/metrics/system; own: what the running process knows of itself."""
    unknown = Unknown()
    database, api = _read_server(), _read_requests(now)
    memory = {n: unknown.say(f"memory.{n}", value, "not measured") for n, value in own["memory"].items()}
    lambda_facts = {n: unknown.say(f"lambda.{n}", value, "not run by Lambda") for n, value in own["lambda"].items()}
    answer = {
        "timestamp": now,
        "process": {"uptime": own["uptime"], "version": own["version"], "platform": own["platform"]},
        "memory": memory,
        "database": _database(*database, unknown),
        "api": _api(*api, unknown),
        "lambda": lambda_facts,
    }
    return {**answer, "unknown": unknown.reasons}


def _read_server() -> tuple[dict[str, Any], dict[str, str]]:
    """The server's figures, and the reasons of those that are None."""
    try:
        with connection(_STATEMENT_MS) as conn:
            sessions, storage = session_figures(conn), storage_figures(conn)
        return {**sessions.values, **storage.values}, {**sessions.unknown, **storage.unknown}
    except UNREAD as error:
        names = (*_CONNECTIONS, *_FIGURES)
        return dict.fromkeys(names), dict.fromkeys(names, why_unread(error))


def _read_requests(now: datetime) -> tuple[dict[str, Any] | None, str]:
    """The requests of the last minutes, and why a figure of them is missing."""
    try:
        with connection(_STATEMENT_MS) as conn:
            return performance(conn, now), NO_TRAFFIC
    except UNREAD as error:
        return None, why_unread(error)


def _database(values: Mapping[str, Any], reasons: Mapping[str, str], unknown: Unknown) -> dict[str, Any]:
    pool = pool_statistics()
    pool["utilization_percent"] = pool.pop("utilization")
    path = "database.connections"
    connections = {n: unknown.say(f"{path}.{n}", values[n], reasons.get(n)) for n in _CONNECTIONS}
    figures = {n: unknown.say(f"database.{n}", values[n], reasons.get(n)) for n in _FIGURES}
    return {"pool": pool, "connections": connections, **figures}


def _api(found: Mapping[str, Any] | None, why: str, unknown: Unknown) -> dict[str, Any]:
    if found is None:
        shown: dict[str, Any] = dict(unknown.all_below("api", tuple(_API), why))
        return {**shown, "by_route": unknown.say("api.by_route", None, why)}
    figures = {name: unknown.say(f"api.{name}", found[key], why) for name, key in _API.items()}
    return {**figures, "by_route": found["by_route"]}
