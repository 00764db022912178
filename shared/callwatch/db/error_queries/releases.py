"""Releases, by when they first appeared among the errors."""

from collections.abc import Collection
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# A release that is there at the first look at a project was there before: it is not a change.
_NOTE = """
    INSERT INTO callwatch.releases (project_id, environment, release, first_seen_at, is_baseline)
    SELECT project_id, environment, release, min(least(last_seen_at, %(now)s)),
           NOT EXISTS (SELECT FROM callwatch.releases known WHERE known.project_id = groups.project_id)
    FROM callwatch.error_groups AS groups
    WHERE last_seen_at > %(since)s AND release IS NOT NULL AND project_id <> 0
    GROUP BY project_id, environment, release
    ON CONFLICT DO NOTHING
"""
_NEW = """
    SELECT project_id, environment, release, first_seen_at FROM callwatch.releases
    WHERE NOT is_baseline AND first_seen_at > %(since)s AND first_seen_at <= %(now)s
    ORDER BY first_seen_at DESC LIMIT %(limit)s
"""
_FIRST_SEEN = """
    SELECT release, min(first_seen_at) AS first_seen_at FROM (
        SELECT release, first_seen_at FROM callwatch.releases
        WHERE project_id = %(project_id)s AND release = ANY (%(releases)s)
        UNION ALL
        SELECT known.release, known.first_seen_at FROM callwatch.error_group_releases AS known
        JOIN callwatch.error_groups AS groups ON groups.id = known.group_id
        WHERE known.release = ANY (%(releases)s) AND groups.project_id = %(project_id)s
    ) AS seen GROUP BY release
"""
_SPELLED = """
    SELECT release, min(first_seen_at) AS first_seen_at FROM callwatch.releases
    WHERE project_id = %(project_id)s AND lower(release) LIKE ANY (%(patterns)s) GROUP BY release
"""


class NewRelease(TypedDict):
    """A release, and when it first appeared."""

    project_id: int
    environment: str
    release: str
    first_seen_at: datetime


class _FirstSeenRow(TypedDict):
    release: str
    first_seen_at: datetime


def note_releases(conn: AnyConnection, since: datetime, now: datetime) -> None:
    """Record the releases of error groups seen since a time. The caller commits."""
    execute(conn, _NOTE, {"since": since, "now": now})


def list_new_releases(conn: AnyConnection, since: datetime, now: datetime, limit: int = 3) -> list[NewRelease]:
    """Releases first seen since a time, newest first."""
    return fetch_all(conn, _NEW, {"since": since, "now": now, "limit": limit}, NewRelease)


def find_first_seen(conn: AnyConnection, project_id: int, releases: Collection[str]) -> dict[str, datetime]:
    """When each of these releases of a project was first seen, in any environment; a release that was never seen is missing."""
    given = {"project_id": project_id, "releases": sorted(releases)}
    rows = fetch_all(conn, _FIRST_SEEN, given, _FirstSeenRow) if releases else []
    return {row["release"]: row["first_seen_at"] for row in rows}


def find_spellings(conn: AnyConnection, project_id: int, commits: Collection[str]) -> dict[str, datetime]:
    """When releases of a project were first seen whose names contain one of these commits, in small letters."""
    given = {"project_id": project_id, "patterns": [f"%{commit}%" for commit in sorted(commits)]}
    rows = fetch_all(conn, _SPELLED, given, _FirstSeenRow) if commits else []
    return {row["release"]: row["first_seen_at"] for row in rows}
