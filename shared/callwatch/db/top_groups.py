"""The most frequent error groups of a span of time, without adding up every group there is."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_counts import SCOPE
from callwatch.db.query import fetch_all

# So many of each hour are looked at; and above so many hours it is cheaper to add up everything.
_DEPTH = 30
_MOST_HOURS = 100

_TOP_OF_HOURS = f"""
    SELECT hours.hour, top.group_id, top.count
    FROM (SELECT %(since)s::timestamptz + make_interval(hours => n) AS hour FROM generate_series(0, %(hours)s) AS n) AS hours
    CROSS JOIN LATERAL (
        SELECT group_id, count FROM callwatch.error_counts_by_group
        WHERE hour = hours.hour AND {SCOPE} ORDER BY count DESC LIMIT %(depth)s
    ) AS top
"""
_SUMS = f"""
    SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%(ids)s) AND hour >= %(since)s AND {SCOPE}
    GROUP BY group_id ORDER BY count DESC, group_id LIMIT %(limit)s
"""
_ALL = f"""
    SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE hour >= %(since)s AND {SCOPE} GROUP BY group_id ORDER BY count DESC, group_id LIMIT %(limit)s
"""
_GROUPS = "SELECT id, message, category, severity, fingerprint FROM callwatch.error_groups WHERE id = ANY (%s)"


def top_groups_since(
    conn: AnyConnection, since: datetime, now: datetime, scope: Mapping[str, Any], limit: int
) -> list[dict[str, Any]]:
    """Rows id, message, category, severity, fingerprint, count, the most frequent first. since: a full hour."""
    # A client's clock may run a day ahead.
    hours = int((now - since) / timedelta(hours=1)) + 26
    given = {**scope, "since": since, "hours": hours, "depth": _DEPTH, "limit": limit}
    top = _from_hours(conn, given) if hours <= _MOST_HOURS else None
    if top is None:
        top = fetch_all(conn, _ALL, given)
    groups = {row["id"]: row for row in fetch_all(conn, _GROUPS, ([row["group_id"] for row in top],))}
    return [{**groups[row["group_id"]], "count": row["count"]} for row in top if row["group_id"] in groups]


def _from_hours(conn: AnyConnection, given: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The top groups out of those that lead in some hour; None where another group might still surpass them."""
    leading = fetch_all(conn, _TOP_OF_HOURS, given)
    by_hour: dict[datetime, list[int]] = {}
    for row in leading:
        by_hour.setdefault(row["hour"], []).append(row["count"])
    # A group that does not lead in an hour has at most what the last of the leading ones has.
    most_beside = {hour: min(counts) if len(counts) == given["depth"] else 0 for hour, counts in by_hour.items()}
    most_elsewhere = sum(most_beside.values())
    least: Counter[int] = Counter()
    most: Counter[int] = Counter()
    for row in leading:
        least[row["group_id"]] += row["count"]
        most[row["group_id"]] += row["count"] - most_beside[row["hour"]]
    needed = sorted(least.values(), reverse=True)[: given["limit"]][-1:]
    ids = sorted(group_id for group_id in least if most[group_id] + most_elsewhere >= needed[0])
    top = fetch_all(conn, _SUMS, {**given, "ids": ids}) if ids else []
    is_certain = most_elsewhere == 0 or (len(top) == given["limit"] and top[-1]["count"] >= most_elsewhere)
    return top if is_certain else None
