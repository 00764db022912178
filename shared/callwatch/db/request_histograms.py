"""The latency histograms of the product's requests as they are read: sums over windows, never the requests themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

# Project 0 is the monitor itself.
_BUCKETS = """
    SELECT bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(total_ms) AS total_ms
    FROM callwatch.request_histograms
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
    GROUP BY bucket
"""
_ROUTES = """
    WITH busiest AS (
        SELECT route FROM callwatch.request_histograms
        WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
        GROUP BY route ORDER BY sum(count) DESC, route LIMIT %(most)s
    )
    SELECT route, bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(total_ms) AS total_ms
    FROM callwatch.request_histograms JOIN busiest USING (route)
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
    GROUP BY route, bucket
"""
_SHARES = """
    SELECT since, coalesce(sum(count), 0)::bigint AS count, coalesce(sum(errors), 0)::bigint AS errors,
           coalesce(sum(count) FILTER (WHERE bucket > %(slow_bucket)s), 0)::bigint AS slow
    FROM unnest(%(sinces)s::timestamptz[]) AS since
    LEFT JOIN callwatch.{table} AS known ON known.{time} >= since AND known.project_id <> 0
    GROUP BY since
"""
_SHARES_BY_MINUTE = _SHARES.format(table="request_histograms", time="minute")
_SHARES_BY_HOUR = _SHARES.format(table="request_histograms_hourly", time="hour")


def buckets_between(conn: AnyConnection, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Rows bucket, count, errors (5xx), total_ms of all the product's requests; whole minutes."""
    return fetch_all(conn, _BUCKETS, {"since": since, "until": until})


def routes_between(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[dict[str, Any]]:
    """Rows route, bucket, count, errors (5xx), total_ms of the busiest routes; whole minutes."""
    return fetch_all(conn, _ROUTES, {"since": since, "until": until, "most": most})


def shares_since(
    conn: AnyConnection, sinces: Sequence[datetime], slow_bucket: int, by_hour: bool
) -> dict[datetime, dict[str, int]]:
    """Requests since each time: count, errors (5xx), slow (above a bucket); times begin a minute, or an hour."""
    given = {"sinces": list(sinces), "slow_bucket": slow_bucket}
    rows = fetch_all(conn, _SHARES_BY_HOUR if by_hour else _SHARES_BY_MINUTE, given)
    return {row["since"]: {name: row[name] for name in ("count", "errors", "slow")} for row in rows}


def delete_histograms_before(conn: AnyConnection, minutes: datetime, hours: datetime) -> None:
    """Drop histograms by minute and those by hour that are older."""
    execute(conn, "DELETE FROM callwatch.request_histograms WHERE minute < %s", (minutes,))
    execute(conn, "DELETE FROM callwatch.request_histograms_hourly WHERE hour < %s", (hours,))
