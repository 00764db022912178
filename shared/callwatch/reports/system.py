"""Metrics of the system: this process, the database, the product's API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.db import connection, fetch_one, pool_statistics
from callwatch.exceptions import DatabaseUnavailable
from callwatch.reports.health import DATABASE_DOWN
from callwatch.reports.unknown import Unknown
from callwatch.requests.performance import NO_TRAFFIC, performance

_DATABASE = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active') AS active,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'active') AS idle,
           current_setting('max_connections')::int AS max,
           round(pg_database_size(current_database()) / 1048576.0, 1)::float AS size_mb,
           (SELECT round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2)::float FROM pg_stat_database
            WHERE datname = current_database()) AS cache_hit_percent,
           (SELECT max(extract(epoch FROM now() - query_start))::float FROM pg_stat_activity
            WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()) AS longest_query_s,
           (SELECT deadlocks::float FROM pg_stat_database WHERE datname = current_database()) AS deadlocks,
           CASE WHEN pg_is_in_recovery() THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float
                ELSE (SELECT extract(epoch FROM max(replay_lag))::float FROM pg_stat_replication) END AS replication_lag_s
"""
_REASONS = {
    "longest_query_s": "no other query runs",
    "replication_lag_s": "there is no replica",
    "cache_hit_percent": "nothing was read yet",
}
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
    try:
        with connection(statement_timeout_ms=3000) as conn:
            database, api = fetch_one(conn, _DATABASE), performance(conn, now)
    except DatabaseUnavailable:
        database, api = None, None
    memory = {n: unknown.say(f"memory.{n}", value, "not measured") for n, value in own["memory"].items()}
    lambda_facts = {n: unknown.say(f"lambda.{n}", value, "not run by Lambda") for n, value in own["lambda"].items()}
    answer = {
        "timestamp": now,
        "process": {"uptime": own["uptime"], "version": own["version"], "platform": own["platform"]},
        "memory": memory,
        "database": _database(database, unknown),
        "api": _api(api, unknown),
        "lambda": lambda_facts,
    }
    return {**answer, "unknown": unknown.reasons}


def _database(row: Mapping[str, Any] | None, unknown: Unknown) -> dict[str, Any]:
    pool = pool_statistics()
    pool["utilization_percent"] = pool.pop("utilization")
    names = ("size_mb", "cache_hit_percent", "longest_query_s", "deadlocks", "replication_lag_s")
    if row is None:
        connections = unknown.all_below("database.connections", ("active", "idle", "max"), DATABASE_DOWN)
        return {"pool": pool, "connections": connections, **unknown.all_below("database", names, DATABASE_DOWN)}
    figures = {n: unknown.say(f"database.{n}", row[n], _REASONS.get(n, "not known")) for n in names}
    return {"pool": pool, "connections": {n: row[n] for n in ("active", "idle", "max")}, **figures}


def _api(found: Mapping[str, Any] | None, unknown: Unknown) -> dict[str, Any]:
    if found is None:
        shown: dict[str, Any] = dict(unknown.all_below("api", tuple(_API), DATABASE_DOWN))
        return {**shown, "by_route": unknown.say("api.by_route", None, DATABASE_DOWN)}
    figures = {name: unknown.say(f"api.{name}", found[key], NO_TRAFFIC) for name, key in _API.items()}
    return {**figures, "by_route": found["by_route"]}
