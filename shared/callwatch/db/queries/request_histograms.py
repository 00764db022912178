"""Reads the latency histograms of the product's requests: sums over windows, never the requests themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# Project 0 is the monitor itself.
_BUCKETS = """
    SELECT bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(total_ms) AS total_ms,
           sum(unsettled)::bigint AS unsettled
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
    SELECT route, bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(total_ms) AS total_ms,
           sum(unsettled)::bigint AS unsettled
    FROM callwatch.request_histograms JOIN busiest USING (route)
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
    GROUP BY route, bucket
"""
# One row per route: how many requests, and the buckets of its median and of its 95th percentile.
_SPEEDS = """
    WITH counted AS (
        SELECT route, bucket, sum(count)::bigint AS count FROM callwatch.request_histograms
        WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0 GROUP BY route, bucket
    ), ranked AS (
        SELECT route, bucket, sum(count) OVER (PARTITION BY route) AS total,
               sum(count) OVER (PARTITION BY route ORDER BY bucket) AS seen
        FROM counted
    )
    SELECT route, max(total)::bigint AS count,
           min(bucket) FILTER (WHERE seen >= greatest(1, ceil(0.5 * total))) AS p50_bucket,
           min(bucket) FILTER (WHERE seen >= greatest(1, ceil(0.95 * total))) AS p95_bucket
    FROM ranked GROUP BY route HAVING max(total) >= %(least)s OR route = ANY (%(routes)s)
    ORDER BY route = ANY (%(routes)s) DESC, count DESC, route LIMIT %(most)s
"""
_SHARES = """
    SELECT since, coalesce(sum(count), 0)::bigint AS count, coalesce(sum(errors), 0)::bigint AS errors,
           coalesce(sum(unsettled), 0)::bigint AS unsettled,
           coalesce(sum(count) FILTER (WHERE bucket > %(slow_bucket)s), 0)::bigint AS slow
    FROM unnest(%(sinces)s::timestamptz[]) AS since
    LEFT JOIN callwatch.{table} AS known ON known.{time} >= since AND known.project_id <> 0
    GROUP BY since
"""
_SHARES_BY_MINUTE = _SHARES.format(table="request_histograms", time="minute")
_SHARES_BY_HOUR = _SHARES.format(table="request_histograms_hourly", time="hour")


class BucketRow(TypedDict):
    """Requests in one bucket of response times (of models.latency): all, those with 5xx, and their total time in ms.

    unsettled: those of which nobody knows whether they failed.
    """

    bucket: int
    count: int
    errors: int
    total_ms: float
    unsettled: int


class RouteBucketRow(BucketRow):
    """Those of one route."""

    route: str


class RouteSpeed(TypedDict):
    """How many requests a route had, and the buckets of its median and of its 95th percentile."""

    route: str
    count: int
    p50_bucket: int
    p95_bucket: int


class RequestShares(TypedDict):
    """Requests: all, those with 5xx, those of which that is unknown, and those above a bucket."""

    count: int
    errors: int
    unsettled: int
    slow: int


class _SharesRow(RequestShares):
    since: datetime


def read_buckets_between(conn: AnyConnection, since: datetime, until: datetime) -> list[BucketRow]:
    """All the product's requests by bucket; whole minutes."""
    return fetch_all(conn, _BUCKETS, {"since": since, "until": until}, BucketRow)


def read_routes_between(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[RouteBucketRow]:
    """The requests of the busiest routes by bucket; whole minutes."""
    return fetch_all(conn, _ROUTES, {"since": since, "until": until, "most": most}, RouteBucketRow)


def route_speeds(
    conn: AnyConnection, since: datetime, until: datetime, least: int, routes: Sequence[str], most: int
) -> list[RouteSpeed]:
    """How fast each of these routes is, and each other one with at least `least` requests.

    The number is limited: the given routes come first, then the busiest.
    """
    given = {"since": since, "until": until, "least": least, "routes": list(routes), "most": most}
    return fetch_all(conn, _SPEEDS, given, RouteSpeed)


def read_shares_since(
    conn: AnyConnection, sinces: Sequence[datetime], slow_bucket: int, by_hour: bool
) -> dict[datetime, RequestShares]:
    """Requests since each time: count, errors (5xx), slow (above a bucket); each time must be the start of a minute, or of an
    hour.
    """
    given = {"sinces": list(sinces), "slow_bucket": slow_bucket}
    rows = fetch_all(conn, _SHARES_BY_HOUR if by_hour else _SHARES_BY_MINUTE, given, _SharesRow)
    return {
        row["since"]: {"count": row["count"], "errors": row["errors"], "unsettled": row["unsettled"], "slow": row["slow"]}
        for row in rows
    }


def delete_histograms_before(conn: AnyConnection, minutes: datetime, hours: datetime) -> None:
    """Delete histograms by minute and those by hour that are older."""
    execute(conn, "DELETE FROM callwatch.request_histograms WHERE minute < %s", (minutes,))
    execute(conn, "DELETE FROM callwatch.request_histograms_hourly WHERE hour < %s", (hours,))
