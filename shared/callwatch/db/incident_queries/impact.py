"""What incidents did: errors since they began, and the users of their error groups, from counters."""

from collections.abc import Collection
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all

# Project 0 is the monitor itself.
_BY_MINUTE = """
    SELECT minute AS at, sum(count)::bigint AS count FROM callwatch.error_counts_by_minute
    WHERE minute >= %(since)s AND project_id <> 0 GROUP BY minute
"""
_BY_HOUR = """
    SELECT hour AS at, sum(count)::bigint AS count FROM callwatch.error_counts_hourly
    WHERE hour >= %(since)s AND project_id <> 0 GROUP BY hour
"""
_OF_GROUPS = """
    SELECT group_id, hour AS at, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%(ids)s) AND hour >= %(since)s GROUP BY group_id, hour
"""
_USERS = "SELECT id, users FROM callwatch.error_groups WHERE id = ANY (%s)"


class CountAt(TypedDict):
    """Errors of a minute or an hour."""

    at: datetime
    count: int


class GroupCountAt(CountAt):
    """Errors of a group in an hour."""

    group_id: int


class _UsersRow(TypedDict):
    id: int
    users: int


def count_errors_by_minute(conn: AnyConnection, since: datetime) -> list[CountAt]:
    """The product's errors by minute, which are kept for two days."""
    return fetch_all(conn, _BY_MINUTE, {"since": since}, CountAt)


def count_errors_by_hour(conn: AnyConnection, since: datetime) -> list[CountAt]:
    """The product's errors by hour."""
    return fetch_all(conn, _BY_HOUR, {"since": since}, CountAt)


def count_errors_of_groups(conn: AnyConnection, group_ids: Collection[int], since: datetime) -> list[GroupCountAt]:
    """The errors of some groups by hour."""
    return fetch_all(conn, _OF_GROUPS, {"ids": sorted(group_ids), "since": since}, GroupCountAt) if group_ids else []


def count_users_of_groups(conn: AnyConnection, group_ids: Collection[int]) -> dict[int, int]:
    """How many users met each of some groups; a group that is gone is missing."""
    return {row["id"]: row["users"] for row in fetch_all(conn, _USERS, (sorted(group_ids),), _UsersRow)} if group_ids else {}
