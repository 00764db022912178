"""What is new or out of the ordinary among the product's errors, as the rules ask; project 0 is none of the product's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_all, fetch_one

_NEW = """
    SELECT id, environment, type, title, made_at AS since FROM callwatch.error_groups
    WHERE made_at > %(since)s AND state = 'new' AND project_id <> 0
    ORDER BY made_at DESC, id DESC LIMIT %(limit)s
"""
_COUNT_NEW = """
    SELECT count(*) AS count FROM (
        SELECT FROM callwatch.error_groups WHERE made_at > %(since)s AND state = 'new' AND project_id <> 0 LIMIT %(limit)s
    ) AS found
"""
_REGRESSED = """
    SELECT id, environment, type, title, state_changed_at AS since FROM callwatch.error_groups
    WHERE state = 'regressed' AND state_changed_at > %(since)s AND project_id <> 0
    ORDER BY state_changed_at DESC, id DESC LIMIT %(limit)s
"""
_FREQUENT = """
    SELECT top.group_id, top.count, known.title FROM (
        SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group_minute
        WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
        GROUP BY group_id HAVING sum(count) >= %(least)s ORDER BY count DESC, group_id LIMIT %(limit)s
    ) AS top JOIN callwatch.error_groups AS known ON known.id = top.group_id AND known.state <> 'ignored'
    ORDER BY top.count DESC, top.group_id
"""
_HOURS = """
    SELECT group_id, hour, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%(ids)s) AND hour >= %(since)s AND hour < %(until)s GROUP BY group_id, hour
"""
_SQLSTATES = """
    SELECT sqlstate, sum(count)::bigint AS count FROM callwatch.error_counts_by_sqlstate
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
      AND (sqlstate = ANY (%(codes)s) OR left(sqlstate, 2) = ANY (%(classes)s))
    GROUP BY sqlstate ORDER BY sqlstate
"""


def new_groups(conn: AnyConnection, since: datetime, limit: int) -> list[dict[str, Any]]:
    """Rows id, environment, type, title, since of groups made after `since` that nobody has touched, newest first."""
    return fetch_all(conn, _NEW, {"since": since, "limit": limit})


def count_new_groups(conn: AnyConnection, since: datetime, limit: int) -> int:
    """How many of these there are; `limit` where there are more."""
    row = fetch_one(conn, _COUNT_NEW, {"since": since, "limit": limit})
    return int(row["count"]) if row else 0


def regressed_groups(conn: AnyConnection, since: datetime, limit: int) -> list[dict[str, Any]]:
    """Rows id, environment, type, title, since of groups that came back after `since`, newest first."""
    return fetch_all(conn, _REGRESSED, {"since": since, "limit": limit})


def frequent_groups(conn: AnyConnection, since: datetime, until: datetime, least: int, limit: int) -> list[dict[str, Any]]:
    """Rows group_id, title, count of groups with at least `least` occurrences within the last two hours' minutes."""
    return fetch_all(conn, _FREQUENT, {"since": since, "until": until, "least": least, "limit": limit})


def hours_of_groups(conn: AnyConnection, ids: Sequence[int], since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Rows group_id, hour, count; hours without occurrences have no row."""
    return fetch_all(conn, _HOURS, {"ids": list(ids), "since": since, "until": until}) if ids else []


def sqlstates_between(
    conn: AnyConnection, since: datetime, until: datetime, codes: Sequence[str], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows sqlstate, count of the codes and classes (their first two characters) asked for, within the last two days."""
    return fetch_all(conn, _SQLSTATES, {"since": since, "until": until, "codes": list(codes), "classes": list(classes)})
