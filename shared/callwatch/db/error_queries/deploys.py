"""Releases and deploys as sentry-cli reports them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_COLUMNS = "project_id, release, created_at, finalized_at, ref, url, commits, commit_count"
# A field that the caller leaves out keeps its stored value.
_SAVE = f"""
    INSERT INTO callwatch.reported_releases AS known ({_COLUMNS})
    VALUES (%(project_id)s, %(release)s, %(created_at)s, %(finalized_at)s, %(ref)s, %(url)s,
            coalesce(%(commits)s, '[]'::jsonb), coalesce(%(commit_count)s, 0))
    ON CONFLICT (project_id, release) DO UPDATE SET
        finalized_at = coalesce(EXCLUDED.finalized_at, known.finalized_at), ref = coalesce(EXCLUDED.ref, known.ref),
        url = coalesce(EXCLUDED.url, known.url), commits = coalesce(%(commits)s, known.commits),
        commit_count = coalesce(%(commit_count)s, known.commit_count)
    RETURNING {_COLUMNS}
"""
_FIND = f"SELECT {_COLUMNS} FROM callwatch.reported_releases WHERE release = %(release)s ORDER BY project_id LIMIT 100"
_LIST = f"""
    SELECT {_COLUMNS} FROM callwatch.reported_releases
    WHERE project_id = ANY (%(project_ids)s) ORDER BY created_at DESC, release LIMIT %(limit)s
"""
_ADD_DEPLOY = """
    INSERT INTO callwatch.deploys AS known (project_id, release, environment, name, url, started_at, finished_at)
    VALUES (%(project_id)s, %(release)s, %(environment)s, %(name)s, %(url)s, %(started_at)s, %(finished_at)s)
    ON CONFLICT (project_id, release, environment, finished_at) DO UPDATE SET name = EXCLUDED.name
    RETURNING id, project_id, release, environment, name, url, started_at, finished_at
"""
_LIST_DEPLOYS = """
    SELECT id, project_id, release, environment, name, url, started_at, finished_at FROM callwatch.deploys
    WHERE release = %(release)s ORDER BY finished_at DESC, id DESC LIMIT %(limit)s
"""
_LATELY = """
    SELECT id, project_id, release, environment, name, url, started_at, finished_at FROM callwatch.deploys
    WHERE finished_at > %(since)s AND finished_at <= %(until)s ORDER BY finished_at DESC, id DESC LIMIT %(limit)s
"""
_DELETE = (
    "DELETE FROM callwatch.deploys WHERE finished_at < %(before)s",
    "DELETE FROM callwatch.reported_releases WHERE greatest(created_at, finalized_at) < %(before)s",
)


class ReportedRelease(TypedDict):
    """One release of a project; commits: the newest of `commit_count`."""

    project_id: int
    release: str
    created_at: datetime
    finalized_at: datetime | None
    ref: str | None
    url: str | None
    commits: list[dict[str, object]]
    commit_count: int


class Deploy(TypedDict):
    """One deploy of a release to an environment."""

    id: int
    project_id: int
    release: str
    environment: str
    name: str | None
    url: str | None
    started_at: datetime | None
    finished_at: datetime


def save_release(conn: AnyConnection, project_id: int, release: str, given: Mapping[str, object]) -> ReportedRelease:
    """Create a release, or complete it: created_at, finalized_at, ref, url, commits, commit_count; None keeps what is known.

    The caller commits.
    """
    commits = None if given["commits"] is None else Json(given["commits"])
    row = fetch_one(conn, _SAVE, {**given, "project_id": project_id, "release": release, "commits": commits}, ReportedRelease)
    assert row
    return row


def find_releases(conn: AnyConnection, release: str) -> list[ReportedRelease]:
    """The release of this name in each project that has one."""
    return fetch_all(conn, _FIND, {"release": release}, ReportedRelease)


def list_releases(conn: AnyConnection, project_ids: Sequence[int], limit: int) -> list[ReportedRelease]:
    """The releases of projects, newest first."""
    return fetch_all(conn, _LIST, {"project_ids": list(project_ids), "limit": limit}, ReportedRelease)


def add_deploy(conn: AnyConnection, project_id: int, release: str, given: Mapping[str, object]) -> Deploy:
    """Record a deploy: environment, name, url, started_at, finished_at; the same one again is no other. The caller commits."""
    row = fetch_one(conn, _ADD_DEPLOY, {**given, "project_id": project_id, "release": release}, Deploy)
    assert row
    return row


def list_deploys(conn: AnyConnection, release: str, limit: int) -> list[Deploy]:
    """The deploys of a release, newest first."""
    return fetch_all(conn, _LIST_DEPLOYS, {"release": release, "limit": limit}, Deploy)


def list_deploys_between(conn: AnyConnection, since: datetime, until: datetime, limit: int = 3) -> list[Deploy]:
    """The deploys of all projects that finished in a span, newest first."""
    return fetch_all(conn, _LATELY, {"since": since, "until": until, "limit": limit}, Deploy)


def delete_releases_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old deploys and releases; the caller commits."""
    for statement in _DELETE:
        execute(conn, statement, {"before": before})
