"""Lines of logs that are no errors, by minute and level."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters
from callwatch.db.error_queries.error_counts import SCOPE, Scope

_ADD = """
    INSERT INTO callwatch.log_counts AS known (minute, project_id, environment, level, count) VALUES %s
    ON CONFLICT (minute, project_id, environment, level) DO UPDATE SET count = known.count + EXCLUDED.count
"""
_SUMS = f"""
    SELECT level, sum(count)::bigint AS count, coalesce(sum(count) FILTER (WHERE minute >= %(recent)s), 0)::bigint AS recent
    FROM callwatch.log_counts WHERE minute >= %(since)s AND {SCOPE} GROUP BY level
"""

# Minute, project, environment, level.
LineCounts = Mapping[tuple[datetime, int, str, str], int]


class LevelRow(TypedDict):
    """Lines of a level: of the whole span, and of its recent part."""

    level: str
    count: int
    recent: int


def add_lines(conn: AnyConnection, counts: LineCounts) -> None:
    """Count lines. The caller commits."""
    add_to_counters(conn, _ADD, counts)


def sum_lines(conn: AnyConnection, since: datetime, recent: datetime, scope: Scope) -> list[LevelRow]:
    """The lines since a minute by level, and those since a later one."""
    return fetch_all(conn, _SUMS, {**scope, "since": since, "recent": recent}, LevelRow)


def delete_lines_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old counts; the caller commits."""
    execute(conn, "DELETE FROM callwatch.log_counts WHERE minute < %s", (before,))
