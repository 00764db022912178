"""Writes the product's requests: rows by day, with their latency histograms by minute and hour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import insert_new
from callwatch.db.core.values import add_to_counters
from callwatch.db.ingest_queries.ingest_counts import CountKey, Counts, add_ingest_counts, find_hour
from callwatch.db.report_queries.access_minutes import AccessKey, add_counts, build_key
from callwatch.models.latency import find_bucket
from callwatch.settings.pii_routes import PiiRoute, find_pii_route

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
    INSERT INTO callwatch.{table} AS known ({time}, project_id, environment, route, bucket, count, errors, total_ms,
                                              unsettled)
    VALUES %s ON CONFLICT ({time}, project_id, environment, route, bucket)
    DO UPDATE SET count = known.count + EXCLUDED.count, errors = known.errors + EXCLUDED.errors,
                  total_ms = known.total_ms + EXCLUDED.total_ms, unsettled = known.unsettled + EXCLUDED.unsettled
"""
_ADD_MINUTES = _ADD.format(table="request_histograms", time="minute")
_ADD_HOURS = _ADD.format(table="request_histograms_hourly", time="hour")


def insert_requests(conn: AnyConnection, requests: Sequence[Mapping[str, Any]], pii_routes: Sequence[PiiRoute] = ()) -> int:
    """Store finished requests, each once; returns how many were new. Those with 2xx on `pii_routes` are counted as answered
    with personal data. The caller commits.

    Each has request_id (32 hex), project_id, environment, at (aware UTC), method, route, status_code (None if it was not
    sent), response_time_ms, release, source; has_failed may say of one without a status that it failed.
    received_at, sdk and category name what counts it as accepted.
    """
    by_key = {_build_key(request): request for request in requests}
    ordered = [by_key[key] for key in sorted(by_key)]
    new_keys = insert_new(conn, "api_logs", _COLUMNS, _KEY, [_build_row(request) for request in ordered])
    fresh = ordered if new_keys is None else [request for request in ordered if _build_text_key(request) in new_keys]
    minutes: dict[tuple[Any, ...], list[float]] = {}
    hours: dict[tuple[Any, ...], list[float]] = {}
    for request in fresh:
        minute = request["at"].replace(second=0, microsecond=0)
        took_ms = float(request["response_time_ms"])
        rest = (request["project_id"], _get_environment(request), request["route"][:300], find_bucket(took_ms))
        for sums, key in ((minutes, (minute, *rest)), (hours, (minute.replace(minute=0), *rest))):
            entry = sums.setdefault(key, [0, 0, 0.0, 0])
            has_failed = _has_failed(request)
            entry[0] += 1
            entry[1] += has_failed
            entry[2] += took_ms
            # Nobody knows whether it failed.
            entry[3] += request["status_code"] is None and not has_failed
    add_to_counters(conn, _ADD_MINUTES, minutes)
    add_to_counters(conn, _ADD_HOURS, hours)
    add_counts(conn, answered=_list_answered(fresh, pii_routes))
    add_ingest_counts(conn, _count_accepted(fresh))
    return len(fresh)


def _has_failed(request: Mapping[str, Any]) -> bool:
    status = request["status_code"]
    return bool(request.get("has_failed")) if status is None else int(status) >= 500


def _list_answered(requests: Sequence[Mapping[str, Any]], pii_routes: Sequence[PiiRoute]) -> list[AccessKey]:
    """List the rows in which to count the requests that answered with personal data."""
    found = []
    for request in requests if pii_routes else ():
        status = request["status_code"]
        if status is not None and 200 <= int(status) < 300:
            route = find_pii_route(pii_routes, request["route"], request["method"])
            if route is not None:
                found.append(build_key(request["at"], request["project_id"], route))
    return found


def _count_accepted(fresh: Sequence[Mapping[str, Any]]) -> Counts:
    counts: Counts = Counter()
    for request in fresh:
        if "received_at" in request:
            kind = str(request.get("category") or "request")
            hour = find_hour(request["received_at"])
            counts[CountKey(hour, request["project_id"], request["sdk"], kind, "accepted", "")] += 1
    return counts


def _build_key(request: Mapping[str, Any]) -> tuple[Any, ...]:
    return request["at"].date(), request["project_id"], _get_environment(request), str(request["request_id"])


def _build_text_key(request: Mapping[str, Any]) -> tuple[str, ...]:
    day, project_id, environment, hex_id = _build_key(request)
    dashed = f"{hex_id[:8]}-{hex_id[8:12]}-{hex_id[12:16]}-{hex_id[16:20]}-{hex_id[20:]}"
    return day.isoformat(), str(project_id), environment, dashed


def _get_environment(request: Mapping[str, Any]) -> str:
    return str(request.get("environment") or "production")[:100]


def _build_row(request: Mapping[str, Any]) -> tuple[Any, ...]:
    release = request.get("release")
    return (
        *_build_key(request),
        request["at"].isoformat(),
        str(request["method"])[:20],
        str(request["route"])[:300],
        None if request["status_code"] is None else int(request["status_code"]),
        float(request["response_time_ms"]),
        None if release is None else str(release)[:200],
        str(request.get("source") or "api")[:20],
    )
