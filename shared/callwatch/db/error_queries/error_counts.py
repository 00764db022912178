"""Counters of errors, by hour: readers read them instead of the history."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import copy_rows
from callwatch.db.core.query import fetch_all
from callwatch.db.core.values import add_to_counters
from callwatch.models.error import Category, Severity

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
# Project 0 is the monitor itself, and counts only on request.
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


class EndpointRow(TypedDict):
    """Errors of one endpoint."""

    endpoint: str
    count: int
    last_error: str


class Scope(TypedDict):
    """Whose errors count: one project or environment; None for all (except project 0)."""

    project_id: int | None
    environment: str | None


class CountRow(TypedDict):
    """Errors by severity and category."""

    severity: Severity
    category: Category
    count: int


class HourCountRow(CountRow):
    """Those of an hour."""

    hour: datetime


class GroupHourRow(TypedDict):
    """Occurrences of a group in an hour."""

    group_id: int
    hour: datetime
    count: int


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

    new_groups: ids of groups created in this transaction, which have no counts yet.
    """
    add_to_counters(conn, _HOURLY, counts.hourly)
    add_to_counters(conn, _BY_MINUTE, counts.by_minute)
    for table, statement, time, counter in (
        ("error_counts_by_group", _BY_GROUP, "hour", counts.by_group),
        ("error_counts_by_group_minute", _BY_GROUP_MINUTE, "minute", counts.by_group_minute),
    ):
        columns = (time, "project_id", "environment", "group_id", "count")
        copy_rows(conn, table, columns, [(*key, count) for key, count in sorted(counter.items()) if key[3] in new_groups])
        add_to_counters(conn, statement, {key: count for key, count in counter.items() if key[3] not in new_groups})
    add_to_counters(conn, _BY_SQLSTATE, counts.by_sqlstate)
    add_to_counters(conn, _BY_ENDPOINT, counts.by_endpoint)


def count_errors_since(conn: AnyConnection, since: datetime, scope: Scope) -> list[HourCountRow]:
    """Errors by hour since a full hour."""
    return fetch_all(conn, _SUMMARY, {**scope, "since": since}, HourCountRow)


def count_errors_by_minute(conn: AnyConnection, since: datetime, until: datetime, scope: Scope) -> list[CountRow]:
    """Errors of the minutes from `since` to before `until`, within the last two days."""
    return fetch_all(conn, _MINUTES, {**scope, "since": since, "until": until}, CountRow)


def list_endpoints_since(conn: AnyConnection, since: datetime, scope: Scope, limit: int) -> list[EndpointRow]:
    """Errors by endpoint, the most frequent first."""
    return fetch_all(conn, _ENDPOINTS, {**scope, "since": since, "limit": limit}, EndpointRow)


def list_trends(conn: AnyConnection, group_ids: Sequence[int], since: datetime) -> list[GroupHourRow]:
    """Occurrences of some groups by hour."""
    return fetch_all(conn, _TRENDS, (list(group_ids), since), GroupHourRow) if group_ids else []


def count_by_hour(conn: AnyConnection, group_ids: Sequence[int], hours: Sequence[datetime]) -> dict[tuple[int, datetime], int]:
    """Occurrences by (group, hour) that are counted so far."""
    rows = fetch_all(conn, _OF_HOURS, (list(group_ids), list(hours)), GroupHourRow)
    return {(row["group_id"], row["hour"]): row["count"] for row in rows}
