"""The product's requests as they are written: rows by day, with their latency histograms by minute and hour."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import execute_values

from callwatch.db.connect import AnyConnection
from callwatch.db.copy import insert_new
from callwatch.models.latency import bucket_of

_COLUMNS = [
    "day",
    "project_id",
    "environment",
    "request_id",
    "at",
    "method",
    "route",
    "status_code",
    "response_time_ms",
    "release",
    "source",
]
_KEY = ("day", "project_id", "environment", "request_id")
_ADD = """
    INSERT INTO callwatch.{table} AS known ({time}, project_id, environment, route, bucket, count, errors, total_ms)
    VALUES %s ON CONFLICT ({time}, project_id, environment, route, bucket)
    DO UPDATE SET count = known.count + EXCLUDED.count, errors = known.errors + EXCLUDED.errors,
                  total_ms = known.total_ms + EXCLUDED.total_ms
"""
_ADD_MINUTES = _ADD.format(table="request_histograms", time="minute")
_ADD_HOURS = _ADD.format(table="request_histograms_hourly", time="hour")


def insert_requests(conn: AnyConnection, requests: Sequence[Mapping[str, Any]]) -> int:
    """Store finished requests, each once; returns how many were new. The caller commits.

    Each has request_id (32 hex), project_id, environment, at (aware UTC), method, route, status_code,
    response_time_ms, release, source.
    """
    by_key = {_key(request): request for request in requests}
    ordered = [by_key[key] for key in sorted(by_key)]
    new_keys = insert_new(conn, "api_logs", _COLUMNS, _KEY, [_row(request) for request in ordered])
    fresh = ordered if new_keys is None else [request for request in ordered if _text_key(request) in new_keys]
    minutes: dict[tuple[Any, ...], list[float]] = {}
    hours: dict[tuple[Any, ...], list[float]] = {}
    for request in fresh:
        minute = request["at"].replace(second=0, microsecond=0)
        took_ms = float(request["response_time_ms"])
        rest = (request["project_id"], _environment(request), request["route"][:300], bucket_of(took_ms))
        for sums, key in ((minutes, (minute, *rest)), (hours, (minute.replace(minute=0), *rest))):
            entry = sums.setdefault(key, [0, 0, 0.0])
            entry[0] += 1
            entry[1] += int(request["status_code"]) >= 500
            entry[2] += took_ms
    with conn.cursor() as cursor:
        for statement, found in ((_ADD_MINUTES, minutes), (_ADD_HOURS, hours)):
            if found:
                execute_values(cursor, statement, [(*key, *found[key]) for key in sorted(found)], page_size=1000)
    return len(fresh)


def _key(request: Mapping[str, Any]) -> tuple[Any, ...]:
    return request["at"].date(), request["project_id"], _environment(request), str(request["request_id"])


def _text_key(request: Mapping[str, Any]) -> tuple[str, ...]:
    day, project_id, environment, hex_id = _key(request)
    dashed = f"{hex_id[:8]}-{hex_id[8:12]}-{hex_id[12:16]}-{hex_id[16:20]}-{hex_id[20:]}"
    return day.isoformat(), str(project_id), environment, dashed


def _environment(request: Mapping[str, Any]) -> str:
    return str(request.get("environment") or "production")[:100]


def _row(request: Mapping[str, Any]) -> tuple[Any, ...]:
    release = request.get("release")
    return (
        *_key(request),
        request["at"].isoformat(),
        str(request["method"])[:20],
        str(request["route"])[:300],
        int(request["status_code"]),
        float(request["response_time_ms"]),
        None if release is None else str(release)[:200],
        str(request.get("source") or "api")[:20],
    )
