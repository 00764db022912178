"""How many probes of services failed, and for how long, in windows that end now."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.db.queries.check_results import OUTCOME

# Older results do not say for how long they stand.
_FAILED = f"""
    WITH outages AS MATERIALIZED (
        SELECT labels ->> 'service' AS service, started_at, coalesce(resolved_at, 'infinity') AS ended_at
        FROM callwatch.alerts WHERE rule_id = ANY (%(rules)s) AND coalesce(resolved_at, 'infinity') >= %(oldest)s
    ), probes AS MATERIALIZED (
        SELECT service, at, coalesce(watched_s, 60) AS watched_s, {OUTCOME} = 'failed' AS is_failed,
            {OUTCOME} = 'failed' AND NOT EXISTS (
                SELECT FROM outages WHERE outages.service = results.service AND at >= started_at AND at < ended_at
            ) AS is_apart
        FROM callwatch.check_results AS results
        WHERE at >= %(oldest)s AND at <= %(now)s AND status <> 'unknown' AND {OUTCOME} <> 'maintenance'
            AND service = ANY (%(services)s)
    )
    SELECT since, service, count(*) AS checked, sum(watched_s)::float AS watched_s,
        count(*) FILTER (WHERE is_failed) AS failed,
        coalesce(sum(watched_s) FILTER (WHERE is_failed), 0)::float AS failed_s,
        count(*) FILTER (WHERE is_apart) AS apart,
        coalesce(sum(watched_s) FILTER (WHERE is_apart), 0)::float AS apart_s
    FROM unnest(%(sinces)s::timestamptz[]) AS since JOIN probes ON at >= since GROUP BY since, service
"""


class FailedRow(TypedDict):
    """Probes of a service since a time; seconds: the time that they stand for.

    apart: those that failed outside of every alert of the rules that were asked about.
    """

    since: datetime
    service: str
    checked: int
    watched_s: float
    failed: int
    failed_s: float
    apart: int
    apart_s: float


def count_failed_since(
    conn: AnyConnection, sinces: Sequence[datetime], services: Sequence[str], rules: Sequence[str], now: datetime
) -> list[FailedRow]:
    """One row per window and service that was probed in it, outside of maintenance."""
    given = {"sinces": list(sinces), "oldest": min(sinces), "services": list(services), "rules": list(rules), "now": now}
    return fetch_all(conn, _FAILED, given, FailedRow)
