"""Counters of errors, by hour: what readers read instead of the history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

_HOURLY = """
    INSERT INTO callwatch.error_counts_hourly AS known (hour, project_id, environment, severity, category, count)
    VALUES %s ON CONFLICT (hour, project_id, environment, severity, category)
    DO UPDATE SET count = known.count + EXCLUDED.count
"""
_BY_MINUTE = """
    INSERT INTO callwatch.error_counts_by_minute AS known (minute, project_id, environment, severity, category, count)
    VALUES %s ON CONFLICT (minute, project_id, environment, severity, category)
    DO UPDATE SET count = known.count + EXCLUDED.count
"""
_BY_GROUP = """
    INSERT INTO callwatch.error_counts_by_group AS known (hour, project_id, environment, group_id, count)
    VALUES %s ON CONFLICT (group_id, hour, project_id, environment)
    DO UPDATE SET count = known.count + EXCLUDED.count
"""
_BY_ENDPOINT = """
    INSERT INTO callwatch.error_counts_by_endpoint AS known
        (hour, project_id, environment, endpoint, count, last_at, last_error)
    VALUES %s ON CONFLICT (hour, project_id, environment, endpoint)
    DO UPDATE SET count = known.count + EXCLUDED.count,
        last_error = CASE WHEN EXCLUDED.last_at >= known.last_at THEN EXCLUDED.last_error ELSE known.last_error END,
        last_at = greatest(known.last_at, EXCLUDED.last_at)
"""
# Project 0 is the monitor itself, and counts only where it is asked for.
SCOPE = """
    (CASE WHEN %(project_id)s::int IS NULL THEN project_id <> 0 ELSE project_id = %(project_id)s END)
    AND (%(environment)s::text IS NULL OR environment = %(environment)s)
"""
_SUMMARY = f"""
    SELECT hour, severity, category, sum(count)::bigint AS count FROM callwatch.error_counts_hourly
    WHERE hour >= %(since)s AND {SCOPE} GROUP BY hour, severity, category
"""
_MINUTES = f"""
    SELECT severity, category, sum(count)::bigint AS count FROM callwatch.error_counts_by_minute
    WHERE minute >= %(since)s AND minute < %(until)s AND {SCOPE} GROUP BY severity, category
"""
_DELETE_MINUTES = "DELETE FROM callwatch.error_counts_by_minute WHERE minute < %s"
_ENDPOINTS = f"""
    SELECT endpoint, sum(count)::bigint AS count, (array_agg(last_error ORDER BY last_at DESC))[1] AS last_error
    FROM callwatch.error_counts_by_endpoint WHERE hour >= %(since)s AND {SCOPE}
    GROUP BY endpoint ORDER BY count DESC, endpoint LIMIT %(limit)s
"""
_TOP_GROUPS = f"""
    SELECT g.id, g.message, g.category, g.severity, g.fingerprint, top.count
    FROM (SELECT group_id, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
          WHERE hour >= %(since)s AND {SCOPE} GROUP BY group_id ORDER BY count DESC, group_id LIMIT %(limit)s) top
    JOIN callwatch.error_groups g ON g.id = top.group_id ORDER BY top.count DESC, g.id
"""
_TRENDS = """
    SELECT group_id, hour, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%s) AND hour >= %s GROUP BY group_id, hour
"""


def add_counts(
    conn: AnyConnection,
    hourly: Sequence[Any],
    by_minute: Sequence[Any],
    by_group: Sequence[Any],
    by_endpoint: Sequence[Any],
) -> None:
    """Add to the counters, each list sorted by its key so that two writers never deadlock. The caller commits."""
    with conn.cursor() as cursor:
        given = ((_HOURLY, hourly), (_BY_MINUTE, by_minute), (_BY_GROUP, by_group), (_BY_ENDPOINT, by_endpoint))
        for statement, rows in given:
            if rows:
                execute_values(cursor, statement, sorted(rows), page_size=1000)


def counts_since(conn: AnyConnection, since: datetime, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows hour, severity, category, count; scope: project_id and environment, None for all (but project 0)."""
    return fetch_all(conn, _SUMMARY, {**scope, "since": since})


def minute_counts(conn: AnyConnection, since: datetime, until: datetime, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows severity, category, count of the minutes from `since` to before `until`, within the last two days."""
    return fetch_all(conn, _MINUTES, {**scope, "since": since, "until": until})


def delete_minutes_before(conn: AnyConnection, before: datetime) -> int:
    """Drop old counters by minute (those by hour stay); returns how many rows."""
    return execute(conn, _DELETE_MINUTES, (before,))


def endpoints_since(conn: AnyConnection, since: datetime, scope: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Rows endpoint, count, last_error, the most frequent first."""
    return fetch_all(conn, _ENDPOINTS, {**scope, "since": since, "limit": limit})


def top_groups_since(conn: AnyConnection, since: datetime, scope: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Rows id, message, category, severity, fingerprint, count, the most frequent first."""
    return fetch_all(conn, _TOP_GROUPS, {**scope, "since": since, "limit": limit})


def trends_of(conn: AnyConnection, group_ids: Sequence[int], since: datetime) -> list[dict[str, Any]]:
    """Rows group_id, hour, count of some groups."""
    return fetch_all(conn, _TRENDS, (list(group_ids), since)) if group_ids else []


def counts_this_hour(conn: AnyConnection, group_ids: Sequence[int], hour: datetime) -> dict[int, int]:
    """Occurrences of groups in the hour that began at `hour`, as counted so far."""
    rows = trends_of(conn, group_ids, hour)
    return {row["group_id"]: row["count"] for row in rows if row["hour"] == hour}
