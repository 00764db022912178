"""Finds what is new or unusual among the product's errors, for the rules; project 0 is not part of the product."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.error_queries.error_counts import GroupHourRow
from callwatch.models.error import Severity

# What only reports something is no error.
_IS_FAILURE = "(level IS NULL OR level NOT IN ('debug', 'info'))"
# A flood is read in part: the newest of it, and of those the worst.
_MAX_RANKED = 2_000
_NEW = f"""
    SELECT id, environment, type, title, severity, sqlstate, count, since FROM (
        SELECT id, environment, type, title, severity, sqlstate, count, made_at AS since FROM callwatch.error_groups
        WHERE made_at > %(since)s AND state = 'new' AND project_id <> 0 AND {_IS_FAILURE}
        ORDER BY made_at DESC, id DESC LIMIT {_MAX_RANKED}
    ) AS newest
    ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], severity), count DESC, since DESC, id DESC LIMIT %(limit)s
"""
_COUNT_NEW = f"""
    SELECT count(*) AS count FROM (
        SELECT FROM callwatch.error_groups
        WHERE made_at > %(since)s AND state = 'new' AND project_id <> 0 AND {_IS_FAILURE} LIMIT %(limit)s
    ) AS found
"""
_REGRESSED = f"""
    SELECT id, environment, type, title, severity, sqlstate, count, state_changed_at AS since FROM callwatch.error_groups
    WHERE state = 'regressed' AND state_changed_at > %(since)s AND project_id <> 0 AND {_IS_FAILURE}
    ORDER BY state_changed_at DESC, id DESC LIMIT %(limit)s
"""
# Groups by id: whether each still has the reported state, and still occurs.
_GOING_ON = """
    SELECT id, environment, type, title, severity, count,
           state = %(state)s AND (last_seen_at > %(since)s OR
               CASE WHEN state = 'new' THEN made_at ELSE state_changed_at END > %(since)s) AS is_going_on
    FROM callwatch.error_groups WHERE id = ANY (%(ids)s)
"""
_FREQUENT = """
    SELECT top.group_id, top.count, known.title FROM (
        SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group_minute
        WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
        GROUP BY group_id HAVING sum(count) >= %(least)s ORDER BY count DESC, group_id LIMIT %(limit)s
    ) AS top JOIN callwatch.error_groups AS known ON known.id = top.group_id AND known.state <> 'ignored'
    ORDER BY top.count DESC, top.group_id
"""
_COUNTS = """
    SELECT known.id AS group_id, known.title, coalesce(sum(counted.count), 0)::bigint AS count
    FROM callwatch.error_groups AS known
    LEFT JOIN callwatch.error_counts_by_group_minute AS counted
        ON counted.group_id = known.id AND counted.minute >= %(since)s AND counted.minute < %(until)s
    WHERE known.id = ANY (%(ids)s) AND known.state <> 'ignored' GROUP BY known.id, known.title
"""
_HOURS = """
    SELECT group_id, hour, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%(ids)s) AND hour >= %(since)s AND hour < %(until)s GROUP BY group_id, hour
"""
_LATEST_CRITICAL = f"""
    SELECT title FROM callwatch.error_groups
    WHERE severity = 'critical' AND last_seen_at > %(since)s AND project_id <> 0 AND state <> 'ignored' AND {_IS_FAILURE}
    ORDER BY last_seen_at DESC, id DESC LIMIT 1
"""
_SQLSTATES = """
    SELECT sqlstate, sum(count)::bigint AS count FROM callwatch.error_counts_by_sqlstate
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
      AND (sqlstate = ANY (%(codes)s) OR left(sqlstate, 2) = ANY (%(classes)s))
    GROUP BY sqlstate ORDER BY sqlstate
"""


class GroupName(TypedDict):
    """How people recognize a group, and how bad it is."""

    id: int
    environment: str
    type: str | None
    title: str
    severity: Severity
    count: int


class NewsRow(GroupName):
    """A group that is new or came back; since: when. sqlstate: of its first occurrence."""

    since: datetime
    sqlstate: str | None


class GoingOnRow(GroupName):
    """Whether a group still has a state, and still occurs."""

    is_going_on: bool


class GroupCount(TypedDict):
    """Occurrences of a group in a span."""

    group_id: int
    title: str
    count: int


class SqlstateCount(TypedDict):
    """Errors with one SQLSTATE."""

    sqlstate: str
    count: int


class _CountRow(TypedDict):
    count: int


class _TitleRow(TypedDict):
    title: str


def list_new_groups(conn: AnyConnection, since: datetime, limit: int) -> list[NewsRow]:
    """Groups created after `since` that no person has acted on, the worst first: by severity, then by count."""
    return fetch_all(conn, _NEW, {"since": since, "limit": limit}, NewsRow)


def count_new_groups(conn: AnyConnection, since: datetime, limit: int) -> int:
    """How many of these there are; `limit` if there are more."""
    row = fetch_one(conn, _COUNT_NEW, {"since": since, "limit": limit}, _CountRow)
    return row["count"] if row else 0


def list_regressed_groups(conn: AnyConnection, since: datetime, limit: int) -> list[NewsRow]:
    """Groups that came back after `since`, newest first."""
    return fetch_all(conn, _REGRESSED, {"since": since, "limit": limit}, NewsRow)


def list_groups_going_on(conn: AnyConnection, ids: Sequence[int], state: str, since: datetime) -> list[GoingOnRow]:
    """Which of these groups go on: in this state, and with an occurrence since then."""
    given = {"ids": list(ids), "state": state, "since": since}
    return fetch_all(conn, _GOING_ON, given, GoingOnRow) if ids else []


def find_latest_critical(conn: AnyConnection, since: datetime) -> str | None:
    """Title of the critical group that occurred last after `since`."""
    row = fetch_one(conn, _LATEST_CRITICAL, {"since": since}, _TitleRow)
    return row["title"] if row else None


def count_by_group(conn: AnyConnection, ids: Sequence[int], since: datetime, until: datetime) -> list[GroupCount]:
    """Occurrences of these groups within the last two hours' minutes, 0 if they had no occurrence."""
    return fetch_all(conn, _COUNTS, {"ids": list(ids), "since": since, "until": until}, GroupCount) if ids else []


def list_frequent_groups(conn: AnyConnection, since: datetime, until: datetime, least: int, limit: int) -> list[GroupCount]:
    """Groups with at least `least` occurrences within the last two hours' minutes."""
    given = {"since": since, "until": until, "least": least, "limit": limit}
    return fetch_all(conn, _FREQUENT, given, GroupCount)


def list_group_hours(conn: AnyConnection, ids: Sequence[int], since: datetime, until: datetime) -> list[GroupHourRow]:
    """Occurrences of these groups by hour; hours without occurrences have no row."""
    return fetch_all(conn, _HOURS, {"ids": list(ids), "since": since, "until": until}, GroupHourRow) if ids else []


def count_sqlstates_between(
    conn: AnyConnection, since: datetime, until: datetime, codes: Sequence[str], classes: Sequence[str]
) -> list[SqlstateCount]:
    """Errors by SQLSTATE, of these codes and classes (their first two characters), within the last two days."""
    given = {"since": since, "until": until, "codes": list(codes), "classes": list(classes)}
    return fetch_all(conn, _SQLSTATES, given, SqlstateCount)
