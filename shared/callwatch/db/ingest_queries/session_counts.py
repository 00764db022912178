"""Sessions of releases, by hour: all, and those that ended badly."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters
from callwatch.db.error_queries.error_counts import SCOPE, Scope

_ADD = """
    INSERT INTO callwatch.session_counts AS known
        (hour, project_id, environment, release, sessions, errored, crashed, abnormal)
    VALUES %s ON CONFLICT (hour, project_id, environment, release)
    DO UPDATE SET sessions = known.sessions + EXCLUDED.sessions, errored = known.errored + EXCLUDED.errored,
                  crashed = known.crashed + EXCLUDED.crashed, abnormal = known.abnormal + EXCLUDED.abnormal
"""
_SUMS = f"""
    SELECT project_id, environment, release, sum(sessions)::bigint AS sessions, sum(errored)::bigint AS errored,
           sum(crashed)::bigint AS crashed, sum(abnormal)::bigint AS abnormal
    FROM callwatch.session_counts WHERE hour >= %(since)s AND {SCOPE}
    GROUP BY project_id, environment, release
    ORDER BY sum(sessions) DESC, project_id, environment, release LIMIT %(most)s
"""

# By hour, project, environment and release: sessions, errored, crashed, abnormal.
SessionCounts = Mapping[tuple[datetime, int, str, str], tuple[int, int, int, int]]


class SessionRow(TypedDict):
    """The sessions of a release."""

    project_id: int
    environment: str
    release: str
    sessions: int
    errored: int
    crashed: int
    abnormal: int


def add_sessions(conn: AnyConnection, counts: SessionCounts) -> None:
    """Count sessions. The caller commits."""
    add_to_counters(conn, _ADD, counts)


def sum_sessions(conn: AnyConnection, since: datetime, scope: Scope, most: int) -> list[SessionRow]:
    """The sessions since the start of an hour, of the releases with most of them."""
    return fetch_all(conn, _SUMS, {**scope, "since": since, "most": most}, SessionRow)


def delete_sessions_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old counts; the caller commits."""
    execute(conn, "DELETE FROM callwatch.session_counts WHERE hour < %s", (before,))
