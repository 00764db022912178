"""Releases, by when one was first seen among the errors."""

from datetime import datetime
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all

# What is there at the first look of a project was there before: it is no change.
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


def note_releases(conn: AnyConnection, since: datetime, now: datetime) -> None:
    """Keep the releases of error groups seen since a time. The caller commits."""
    execute(conn, _NOTE, {"since": since, "now": now})


def new_releases(conn: AnyConnection, since: datetime, now: datetime, limit: int = 3) -> list[dict[str, Any]]:
    """Releases first seen since a time, newest first: project_id, environment, release, first_seen_at."""
    return fetch_all(conn, _NEW, {"since": since, "now": now, "limit": limit})
