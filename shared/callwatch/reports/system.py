"""Metrics of the system: this process, the database, the product's API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.counters.model_usage import list_model_usage
from callwatch.counters.performance import read_performance
from callwatch.counters.work import read_work
from callwatch.db import connection, read_pool_statistics
from callwatch.db.core.server import Sessions, Storage, read_sessions, read_storage
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.queries.refused_requests import count_refusals
from callwatch.models.reason import NO_STATUS, Reason
from callwatch.models.refusal import Refusal
from callwatch.reports.missing_values import Unknown, describe_memory

if TYPE_CHECKING:
    from callwatch.models.shapes.status import Connections
    from callwatch.models.shapes.system import (
        ApiMetrics,
        DatabaseMetrics,
        LambdaMetrics,
        ModelUsage,
        OwnFigures,
        PoolPercent,
        RefusalCounts,
        Refused,
        SystemMetrics,
        Work,
    )

_STATEMENT_MS = 3_000
_UNREPORTED = Reason(
    "not_recorded", "each execution environment keeps the counts of its last minute, and loses them if it ends before a report"
)
_NO_MODEL_CALLS = Reason("no_traffic", "no call of a model was reported in the last 24 hours")
_NOT_METERED = Reason("not_recorded", "none of the calls said how many tokens it used")
_NOT_LAMBDA = Reason("not_configured", "not running in Lambda")


def build_system_metrics(now: datetime, own: OwnFigures) -> SystemMetrics:
    """Build the response of GET /api/metrics/system; own: data of the running process."""
    unknown = Unknown()
    return {
        "timestamp": now,
        "process": {"uptime": own["uptime"], "version": own["version"], "platform": own["platform"]},
        "memory": describe_memory(own["memory"], "memory", unknown),
        "database": _describe_database(unknown),
        "api": _describe_api(now, unknown),
        "work": _describe_work(now, unknown),
        "lambda": _describe_lambda(own["invocation"], unknown),
        "refused": _describe_refused(now, unknown),
        "models": _describe_models(now, unknown),
        "unknown": unknown.reasons,
    }


def _describe_lambda(invocation: LambdaMetrics, unknown: Unknown) -> LambdaMetrics:
    return {
        "cold_start": unknown.say("lambda.cold_start", invocation["cold_start"], _NOT_LAMBDA),
        "memory_limit_mb": unknown.say("lambda.memory_limit_mb", invocation["memory_limit_mb"], _NOT_LAMBDA),
        "remaining_ms": unknown.say("lambda.remaining_ms", invocation["remaining_ms"], _NOT_LAMBDA),
    }


def _describe_refused(now: datetime, unknown: Unknown) -> Refused:
    hour: Mapping[Refusal, int] | None = None
    day: Mapping[Refusal, int] | None = None
    why: Reason | None = None
    try:
        with connection(_STATEMENT_MS) as conn:
            hour, day = (count_refusals(conn, now - timedelta(hours=hours), now) for hours in (1, 24))
    except UNREAD as error:
        why = explain_unread(error)
    return {
        "last_hour": _describe_refusals("refused.last_hour", hour, why, unknown),
        "last_24h": _describe_refusals("refused.last_24h", day, why, unknown),
        "unreported": unknown.say("refused.unreported", None, _UNREPORTED),
    }


def _describe_refusals(path: str, counts: Mapping[Refusal, int] | None, why: Reason | None, unknown: Unknown) -> RefusalCounts:
    def say(reason: Refusal) -> int | None:
        return unknown.say(f"{path}.{reason}", counts[reason] if counts else None, why)

    return {
        "no_token": say("no_token"),
        "unknown_token": say("unknown_token"),
        "role": say("role"),
        "rate_without_token": say("rate_without_token"),
        "rate_of_token": say("rate_of_token"),
        "dsn_key": say("dsn_key"),
        "dsn_rate": say("dsn_rate"),
    }


def _describe_models(now: datetime, unknown: Unknown) -> list[ModelUsage] | None:
    """Return the use of models that telemetry reported; unknown if nothing did, since the product may still use some."""
    found: list[ModelUsage] | None = None
    why = _NO_MODEL_CALLS
    try:
        with connection(_STATEMENT_MS) as conn:
            found = list_model_usage(conn, now) or None
    except UNREAD as error:
        why = explain_unread(error)
    for index, usage in enumerate(found or ()):
        unknown.say(f"models.{index}.input_tokens", usage["input_tokens"], _NOT_METERED)
        unknown.say(f"models.{index}.output_tokens", usage["output_tokens"], _NOT_METERED)
    return unknown.say("models", found, why)


def _describe_database(unknown: Unknown) -> DatabaseMetrics:
    sessions: Sessions | None = None
    storage: Storage | None = None
    reasons: dict[str, Reason] = {}
    fallback: Reason | None = None
    try:
        with connection(_STATEMENT_MS) as conn:
            found, kept = read_sessions(conn), read_storage(conn)
        sessions, storage, reasons = found.values, kept.values, {**found.unknown, **kept.unknown}
    except UNREAD as error:
        fallback = explain_unread(error)

    def find_reason(name: str) -> Reason | None:
        return fallback or reasons.get(name)

    connections: Connections = {
        "active": unknown.say("database.connections.active", sessions and sessions["active"], find_reason("active")),
        "idle": unknown.say("database.connections.idle", sessions and sessions["idle"], find_reason("idle")),
        "max": unknown.say("database.connections.max", sessions and sessions["max"], find_reason("max")),
    }
    return {
        "pool": _describe_pool(),
        "connections": connections,
        "size_mb": unknown.say("database.size_mb", storage and storage["size_mb"], find_reason("size_mb")),
        "cache_hit_percent": unknown.say(
            "database.cache_hit_percent", storage and storage["cache_hit_percent"], find_reason("cache_hit_percent")
        ),
        "longest_query_s": unknown.say(
            "database.longest_query_s", sessions and sessions["longest_query_s"], find_reason("longest_query_s")
        ),
        "deadlocks": unknown.say("database.deadlocks", storage and storage["deadlocks"], find_reason("deadlocks")),
        "replication_lag_s": unknown.say(
            "database.replication_lag_s", sessions and sessions["replication_lag_s"], find_reason("replication_lag_s")
        ),
    }


def _describe_pool() -> PoolPercent:
    pool = read_pool_statistics()
    return {
        "total": pool["total"],
        "active": pool["active"],
        "idle": pool["idle"],
        "waiting": pool["waiting"],
        "utilization_percent": pool["utilization"],
    }


def _describe_api(now: datetime, unknown: Unknown) -> ApiMetrics:
    """Return the requests of the last minutes; a figure is unknown if they cannot be read, or there were none."""
    found, why = None, None
    try:
        with connection(_STATEMENT_MS) as conn:
            found = read_performance(conn, now)
            why = found["why"]
    except UNREAD as error:
        why = explain_unread(error)
    for index, route in enumerate(found["by_route"] if found else ()):
        unknown.say(f"api.by_route.{index}.error_rate", route["error_rate"], NO_STATUS)
    return {
        "request_rate": unknown.say("api.request_rate", found and found["rate"], why),
        "error_rate": unknown.say("api.error_rate", found and found["error_rate"], why),
        "avg_response_time": unknown.say("api.avg_response_time", found and found["avg"], why),
        "p50_ms": unknown.say("api.p50_ms", found and found["p50"], why),
        "p95_ms": unknown.say("api.p95_ms", found and found["p95"], why),
        "p99_ms": unknown.say("api.p99_ms", found and found["p99"], why),
        "by_route": unknown.say("api.by_route", found and found["by_route"], why),
    }


def _describe_work(now: datetime, unknown: Unknown) -> Work:
    found, why = None, None
    try:
        with connection(_STATEMENT_MS) as conn:
            found = read_work(conn, now)
    except UNREAD as error:
        why = explain_unread(error)
    return {
        "runs_last_hour": unknown.say("work.runs_last_hour", found and found["runs_last_hour"], why),
        "failures_last_hour": unknown.say("work.failures_last_hour", found and found["failures_last_hour"], why),
        "by_name": unknown.say("work.by_name", found and found["by_name"], why),
    }
