"""Counters and results cut into steps of equal length, for the charts: errors, requests, services."""

from datetime import datetime, timedelta
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_all

_ERRORS = """
    SELECT date_bin(%(step)s, {time}, %(since)s) AS at, severity, sum(count)::bigint AS count
    FROM callwatch.{table} WHERE {time} >= %(since)s AND {time} < %(until)s AND project_id <> 0
    GROUP BY at, severity
"""
_ERROR_MINUTES = _ERRORS.format(table="error_counts_by_minute", time="minute")
_ERROR_HOURS = _ERRORS.format(table="error_counts_hourly", time="hour")
_REQUESTS = """
    SELECT date_bin(%(step)s, {time}, %(since)s) AS at, bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors
    FROM callwatch.{table} WHERE {time} >= %(since)s AND {time} < %(until)s AND project_id <> 0
    GROUP BY at, bucket
"""
_REQUEST_MINUTES = _REQUESTS.format(table="request_histograms", time="minute")
_REQUEST_HOURS = _REQUESTS.format(table="request_histograms_hourly", time="hour")
_LATENCIES = """
    SELECT date_bin(%(step)s, at, %(since)s) AS at, service, avg(latency_ms) AS latency_ms
    FROM callwatch.check_results WHERE at >= %(since)s AND at < %(until)s AND service = ANY (%(services)s)
    GROUP BY 1, service
"""
_HOUR = timedelta(hours=1)


def errors_by_step(conn: AnyConnection, since: datetime, until: datetime, step: timedelta) -> list[dict[str, Any]]:
    """Rows at, severity, count of the product's errors; steps of an hour and more are read from the hourly counters."""
    return fetch_all(conn, _ERROR_HOURS if step >= _HOUR else _ERROR_MINUTES, _given(since, until, step))


def requests_by_step(conn: AnyConnection, since: datetime, until: datetime, step: timedelta) -> list[dict[str, Any]]:
    """Rows at, bucket (of models.latency), count, errors (5xx) of the product's requests."""
    return fetch_all(conn, _REQUEST_HOURS if step >= _HOUR else _REQUEST_MINUTES, _given(since, until, step))


def latencies_by_step(
    conn: AnyConnection, since: datetime, until: datetime, step: timedelta, services: list[str]
) -> list[dict[str, Any]]:
    """Rows at, service, latency_ms (mean, None where no probe was answered)."""
    return fetch_all(conn, _LATENCIES, {**_given(since, until, step), "services": services})


def _given(since: datetime, until: datetime, step: timedelta) -> dict[str, Any]:
    return {"since": since, "until": until, "step": step}
