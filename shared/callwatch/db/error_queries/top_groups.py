"""The most frequent error groups of a time span, without summing up every group."""

from collections import Counter
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.db.error_queries.error_counts import SCOPE, GroupHourRow, Scope
from callwatch.models.error import Category, Severity

# This many leading groups of each hour are read; above this many hours, summing up everything is cheaper.
_DEPTH = 30
_MAX_HOURS = 100

# What only reports something is no error.
_IS_FAILURE = """
    NOT EXISTS (SELECT FROM callwatch.error_groups AS quiet
        WHERE quiet.id = group_id AND quiet.level IN ('debug', 'info'))
"""
_TOP_OF_HOURS = f"""
    SELECT hours.hour, top.group_id, top.count
    FROM (SELECT %(since)s::timestamptz + make_interval(hours => n) AS hour FROM generate_series(0, %(hours)s) AS n) AS hours
    CROSS JOIN LATERAL (
        SELECT group_id, count FROM callwatch.error_counts_by_group
        WHERE hour = hours.hour AND {SCOPE} AND {_IS_FAILURE} ORDER BY count DESC LIMIT %(depth)s
    ) AS top
"""
_SUMS = f"""
    SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%(ids)s) AND hour >= %(since)s AND {SCOPE}
    GROUP BY group_id ORDER BY count DESC, group_id LIMIT %(limit)s
"""
_ALL = f"""
    SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE hour >= %(since)s AND {SCOPE} AND {_IS_FAILURE} GROUP BY group_id ORDER BY count DESC, group_id LIMIT %(limit)s
"""
_GROUPS = "SELECT id, message, category, severity, fingerprint FROM callwatch.error_groups WHERE id = ANY (%s)"


class _GroupRow(TypedDict):
    id: int
    message: str
    category: Category
    severity: Severity
    fingerprint: str


class TopGroup(_GroupRow):
    """One of the most frequent groups."""

    count: int


class _CountRow(TypedDict):
    group_id: int
    count: int


class _Given(Scope):
    since: datetime
    hours: int
    depth: int
    limit: int


def list_top_groups_since(conn: AnyConnection, since: datetime, now: datetime, scope: Scope, limit: int) -> list[TopGroup]:
    """Return the most frequent groups first. since: a full hour."""
    # A client's clock may run a day ahead.
    hours = int((now - since) / timedelta(hours=1)) + 26
    given: _Given = {**scope, "since": since, "hours": hours, "depth": _DEPTH, "limit": limit}
    top = _find_in_hours(conn, given) if hours <= _MAX_HOURS else None
    if top is None:
        top = fetch_all(conn, _ALL, {**given}, _CountRow)
    groups = {row["id"]: row for row in fetch_all(conn, _GROUPS, ([row["group_id"] for row in top],), _GroupRow)}
    return [{**groups[row["group_id"]], "count": row["count"]} for row in top if row["group_id"] in groups]


def _find_in_hours(conn: AnyConnection, given: _Given) -> list[_CountRow] | None:
    """The top groups among those that lead in some hour; None if another group might still exceed them."""
    leading = fetch_all(conn, _TOP_OF_HOURS, {**given}, GroupHourRow)
    by_hour: dict[datetime, list[int]] = {}
    for row in leading:
        by_hour.setdefault(row["hour"], []).append(row["count"])
    # A group that does not lead in an hour has at most the count of the last leading one.
    most_beside = {hour: min(counts) if len(counts) == given["depth"] else 0 for hour, counts in by_hour.items()}
    most_elsewhere = sum(most_beside.values())
    least: Counter[int] = Counter()
    most: Counter[int] = Counter()
    for row in leading:
        least[row["group_id"]] += row["count"]
        most[row["group_id"]] += row["count"] - most_beside[row["hour"]]
    needed = sorted(least.values(), reverse=True)[: given["limit"]][-1:]
    ids = sorted(group_id for group_id in least if most[group_id] + most_elsewhere >= needed[0])
    top = fetch_all(conn, _SUMS, {**given, "ids": ids}, _CountRow) if ids else []
    is_certain = most_elsewhere == 0 or (len(top) == given["limit"] and top[-1]["count"] >= most_elsewhere)
    return top if is_certain else None
