"""Counters of errors, by hour: what readers read instead of the history."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values

from callwatch.db.connect import AnyConnection
from callwatch.db.copy import copy_rows
from callwatch.db.query import fetch_all

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
_BY_GROUP_MINUTE = """
    INSERT INTO callwatch.error_counts_by_group_minute AS known (minute, project_id, environment, group_id, count)
    VALUES %s ON CONFLICT (minute, group_id, project_id, environment)
    DO UPDATE SET count = known.count + EXCLUDED.count
"""
_BY_SQLSTATE = """
    INSERT INTO callwatch.error_counts_by_sqlstate AS known (minute, project_id, environment, sqlstate, count)
    VALUES %s ON CONFLICT (minute, project_id, environment, sqlstate)
    DO UPDATE SET count = known.count + EXCLUDED.count
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
_ENDPOINTS = f"""
    SELECT endpoint, sum(count)::bigint AS count, (array_agg(last_error ORDER BY last_at DESC))[1] AS last_error
    FROM callwatch.error_counts_by_endpoint WHERE hour >= %(since)s AND {SCOPE}
    GROUP BY endpoint ORDER BY count DESC, endpoint LIMIT %(limit)s
"""
_OF_HOURS = """
    SELECT group_id, hour, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%s) AND hour = ANY (%s) GROUP BY group_id, hour
"""
_TRENDS = """
    SELECT group_id, hour, sum(count)::bigint AS count FROM callwatch.error_counts_by_group
    WHERE group_id = ANY (%s) AND hour >= %s GROUP BY group_id, hour
"""


@dataclass(slots=True)
class Counts:
    """What one flush adds to the counters, by the key of each."""

    hourly: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    by_minute: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    by_group: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    by_group_minute: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    by_sqlstate: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    # count, last_at, last_error
    by_endpoint: dict[tuple[Any, ...], list[Any]] = field(default_factory=dict)


def add_counts(conn: AnyConnection, counts: Counts, new_groups: Container[int] = ()) -> None:
    """Add to the counters, each sorted by its key so that two writers never deadlock. The caller commits.

    new_groups: ids of groups made in this transaction, of which nothing was counted before.
    """
    _add(conn, _HOURLY, _rows(counts.hourly))
    _add(conn, _BY_MINUTE, _rows(counts.by_minute))
    for table, statement, time, counter in (
        ("error_counts_by_group", _BY_GROUP, "hour", counts.by_group),
        ("error_counts_by_group_minute", _BY_GROUP_MINUTE, "minute", counts.by_group_minute),
    ):
        rows = _rows(counter)
        columns = (time, "project_id", "environment", "group_id", "count")
        copy_rows(conn, table, columns, [row for row in rows if row[3] in new_groups])
        _add(conn, statement, [row for row in rows if row[3] not in new_groups])
    _add(conn, _BY_SQLSTATE, _rows(counts.by_sqlstate))
    _add(conn, _BY_ENDPOINT, [(*key, *entry) for key, entry in sorted(counts.by_endpoint.items())])


def _rows(counter: Mapping[tuple[Any, ...], int]) -> list[tuple[Any, ...]]:
    return [(*key, count) for key, count in sorted(counter.items())]


def _add(conn: AnyConnection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with conn.cursor() as cursor:
            execute_values(cursor, statement, rows, page_size=1000)


def counts_since(conn: AnyConnection, since: datetime, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows hour, severity, category, count; scope: project_id and environment, None for all (but project 0)."""
    return fetch_all(conn, _SUMMARY, {**scope, "since": since})


def minute_counts(conn: AnyConnection, since: datetime, until: datetime, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows severity, category, count of the minutes from `since` to before `until`, within the last two days."""
    return fetch_all(conn, _MINUTES, {**scope, "since": since, "until": until})


def endpoints_since(conn: AnyConnection, since: datetime, scope: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Rows endpoint, count, last_error, the most frequent first."""
    return fetch_all(conn, _ENDPOINTS, {**scope, "since": since, "limit": limit})


def trends_of(conn: AnyConnection, group_ids: Sequence[int], since: datetime) -> list[dict[str, Any]]:
    """Rows group_id, hour, count of some groups."""
    return fetch_all(conn, _TRENDS, (list(group_ids), since)) if group_ids else []


def counts_of_hours(conn: AnyConnection, group_ids: Sequence[int], hours: Sequence[datetime]) -> dict[tuple[int, datetime], int]:
    """Occurrences by (group, hour) as counted so far."""
    rows = fetch_all(conn, _OF_HOURS, (list(group_ids), list(hours)))
    return {(row["group_id"], row["hour"]): row["count"] for row in rows}
