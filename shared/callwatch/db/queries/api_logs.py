"""Writes the product's requests: rows by day, with their latency histograms by minute and hour."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import insert_new
from callwatch.db.core.values import add_to_counters, format_uuid
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


Key = tuple[date, int, str, str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request was accepted, from which SDK and as what: by these it is counted."""

    at: datetime
    sdk: str
    category: str = "request"


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """One finished request of the product.

    request_id: 32 hex digits. at: aware, UTC. status_code: None if it was not sent; has_failed may say then that it failed.
    arrival: None if it is not counted as accepted.
    """

    request_id: str
    project_id: int
    at: datetime
    method: str
    route: str
    status_code: int | None
    response_time_ms: float
    environment: str = "production"
    release: str | None = None
    source: str = "api"
    has_failed: bool = False
    arrival: Arrival | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it failed as far as is known."""
        return self.has_failed if self.status_code is None else self.status_code >= 500

    @property
    def key(self) -> Key:
        """What no other request has."""
        return self.at.date(), self.project_id, self.environment[:100], self.request_id


def insert_requests(conn: AnyConnection, requests: Sequence[FinishedRequest], pii_routes: Sequence[PiiRoute] = ()) -> int:
    """Store finished requests, each once; returns how many were new. Those with 2xx on `pii_routes` are counted as answered
    with personal data. The caller commits.
    """
    by_key = {request.key: request for request in requests}
    ordered = [by_key[key] for key in sorted(by_key)]
    new_keys = insert_new(conn, "api_logs", _COLUMNS, _KEY, [_build_row(request) for request in ordered])
    fresh = ordered if new_keys is None else [request for request in ordered if _build_text_key(request) in new_keys]
    minutes: dict[tuple[datetime, int, str, str, int], list[float]] = {}
    hours: dict[tuple[datetime, int, str, str, int], list[float]] = {}
    for request in fresh:
        minute = request.at.replace(second=0, microsecond=0)
        took_ms = request.response_time_ms
        rest = (request.project_id, request.key[2], request.route[:300], find_bucket(took_ms))
        for sums, key in ((minutes, (minute, *rest)), (hours, (minute.replace(minute=0), *rest))):
            entry = sums.setdefault(key, [0, 0, 0.0, 0])
            entry[0] += 1
            entry[1] += request.is_failure
            entry[2] += took_ms
            # Nobody knows whether it failed.
            entry[3] += request.status_code is None and not request.has_failed
    add_to_counters(conn, _ADD_MINUTES, minutes)
    add_to_counters(conn, _ADD_HOURS, hours)
    add_counts(conn, answered=_list_answered(fresh, pii_routes))
    add_ingest_counts(conn, _count_accepted(fresh))
    return len(fresh)


def _list_answered(requests: Sequence[FinishedRequest], pii_routes: Sequence[PiiRoute]) -> list[AccessKey]:
    """List the rows in which to count the requests that answered with personal data."""
    found = []
    for request in requests if pii_routes else ():
        if request.status_code is not None and 200 <= request.status_code < 300:
            route = find_pii_route(pii_routes, request.route, request.method)
            if route is not None:
                found.append(build_key(request.at, request.project_id, route))
    return found


def _count_accepted(fresh: Sequence[FinishedRequest]) -> Counts:
    counts: Counts = Counter()
    for request in fresh:
        if (arrival := request.arrival) is not None:
            hour = find_hour(arrival.at)
            counts[CountKey(hour, request.project_id, arrival.sdk, arrival.category, "accepted", "")] += 1
    return counts


def _build_text_key(request: FinishedRequest) -> tuple[str, ...]:
    day, project_id, environment, request_id = request.key
    return day.isoformat(), str(project_id), environment, format_uuid(request_id)


def _build_row(request: FinishedRequest) -> tuple[object, ...]:
    return (
        *request.key,
        request.at.isoformat(),
        request.method[:20],
        request.route[:300],
        request.status_code,
        request.response_time_ms,
        None if request.release is None else request.release[:200],
        request.source[:20],
    )
