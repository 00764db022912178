"""Counters and results in steps of equal length, for the charts: errors, requests, services."""

from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all

_ERRORS = """
    SELECT date_bin(%(step)s, {time}, %(since)s) AS at, severity, sum(count)::bigint AS count
    FROM callwatch.{table} WHERE {time} >= %(since)s AND {time} < %(until)s AND project_id <> 0
    GROUP BY at, severity
"""
_ERROR_MINUTES = _ERRORS.format(table="error_counts_by_minute", time="minute")
_ERROR_HOURS = _ERRORS.format(table="error_counts_hourly", time="hour")
_REQUESTS = """
    SELECT date_bin(%(step)s, {time}, %(since)s) AS at, bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors,
           sum(unsettled)::bigint AS unsettled
    FROM callwatch.{table} WHERE {time} >= %(since)s AND {time} < %(until)s AND project_id <> 0
    GROUP BY at, bucket
"""
_ROUTE = _REQUESTS.replace("GROUP BY", "AND route = %(route)s GROUP BY")
_ROUTE_MINUTES = _ROUTE.format(table="request_histograms", time="minute")
_ROUTE_HOURS = _ROUTE.format(table="request_histograms_hourly", time="hour")
_REQUEST_MINUTES = _REQUESTS.format(table="request_histograms", time="minute")
_REQUEST_HOURS = _REQUESTS.format(table="request_histograms_hourly", time="hour")
_LATENCIES = """
    SELECT date_bin(%(step)s, at, %(since)s) AS at, service, avg(latency_ms) AS latency_ms
    FROM callwatch.check_results WHERE at >= %(since)s AND at < %(until)s AND service = ANY (%(services)s)
    GROUP BY 1, service
"""
_HOUR = timedelta(hours=1)


class ErrorStep(TypedDict):
    """Errors of one severity in a step."""

    at: datetime
    severity: str
    count: int


class RequestStep(TypedDict):
    """Requests in one bucket of response times (of models.latency) in a step; errors: those with 5xx, unsettled: unknown."""

    at: datetime
    bucket: int
    count: int
    errors: int
    unsettled: int


class LatencyStep(TypedDict):
    """The mean latency of a service in a step; None if no probe got a response."""

    at: datetime
    service: str
    latency_ms: float | None


class _Span(TypedDict):
    since: datetime
    until: datetime
    step: timedelta


def read_errors_by_step(conn: AnyConnection, since: datetime, until: datetime, step: timedelta) -> list[ErrorStep]:
    """The product's errors; steps of an hour and more are read from the hourly counters."""
    return fetch_all(conn, _ERROR_HOURS if step >= _HOUR else _ERROR_MINUTES, _build_span(since, until, step), ErrorStep)


def read_requests_by_step(conn: AnyConnection, since: datetime, until: datetime, step: timedelta) -> list[RequestStep]:
    """The product's requests."""
    return fetch_all(conn, _REQUEST_HOURS if step >= _HOUR else _REQUEST_MINUTES, _build_span(since, until, step), RequestStep)


def route_requests_by_step(
    conn: AnyConnection, since: datetime, until: datetime, step: timedelta, route: str
) -> list[RequestStep]:
    """The product's requests to one route, of all environments."""
    statement = _ROUTE_HOURS if step >= _HOUR else _ROUTE_MINUTES
    return fetch_all(conn, statement, {**_build_span(since, until, step), "route": route}, RequestStep)


def read_latencies_by_step(
    conn: AnyConnection, since: datetime, until: datetime, step: timedelta, services: list[str]
) -> list[LatencyStep]:
    """The latencies of these services."""
    return fetch_all(conn, _LATENCIES, {**_build_span(since, until, step), "services": services}, LatencyStep)


def _build_span(since: datetime, until: datetime, step: timedelta) -> _Span:
    return {"since": since, "until": until, "step": step}
