"""Releases and deploys in the form of Sentry's API, version 0, as far as sentry-cli uses it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries import deploys
from callwatch.db.error_queries.deploys import Deploy, ReportedRelease
from callwatch.exceptions import NotFound
from callwatch.times import format_time
from callwatch.uploads.fields import read_commits, read_projects, read_release, read_text, read_time, require_object

_LISTED = 100
_URL_CHARS = 1_000
_UNKNOWN = "no release has this version: create it by `sentry-cli releases new`"

Answer = dict[str, Any]


def create_release(conn: AnyConnection, body: Any, known: Collection[int], now: datetime) -> tuple[Answer, bool]:
    """Create a release in the projects of the body; returns it, and whether it is new. The caller commits."""
    given = require_object(body)
    release = read_release(read_text(given, "version", 2_000, is_required=True) or "")
    projects = read_projects(given, known) or sorted(set(known) - {0})[:1]
    is_new = not deploys.find_releases(conn, release)
    rows = _save(conn, projects, release, given, read_time(given, "dateStarted") or now)
    return describe_release(rows), is_new


def update_release(conn: AnyConnection, raw_release: str, body: Any, known: Collection[int], now: datetime) -> Answer:
    """Finalize a release, or set its commits; in the projects of the body, or where it exists. Raises NotFound."""
    given, release = require_object(body), read_release(raw_release)
    projects = read_projects(given, known) or [row["project_id"] for row in deploys.find_releases(conn, release)]
    if not projects:
        raise NotFound(_UNKNOWN)
    return describe_release(_save(conn, projects, release, given, now))


def get_release(conn: AnyConnection, raw_release: str) -> Answer:
    """A release. Raises NotFound."""
    return describe_release(_find(conn, read_release(raw_release)))


def list_releases(conn: AnyConnection, project_ids: Sequence[int]) -> list[Answer]:
    """The newest releases of projects."""
    return [describe_release([row]) for row in deploys.list_releases(conn, project_ids, _LISTED)]


def create_deploy(conn: AnyConnection, raw_release: str, body: Any, known: Collection[int], now: datetime) -> Answer:
    """Record a deploy in each project that has the release, or in those of the body. Raises NotFound, Invalid."""
    given, release = require_object(body), read_release(raw_release)
    rows = _find(conn, release)
    projects = read_projects(given, known) or [row["project_id"] for row in rows]
    finished_at = read_time(given, "dateFinished") or now
    deploy = {
        # The environment of an event has no more.
        "environment": read_text(given, "environment", 100, is_required=True),
        "name": read_text(given, "name", 200),
        "url": read_text(given, "url", _URL_CHARS),
        "started_at": read_time(given, "dateStarted"),
        # A clock that runs ahead would make it the latest change until that time.
        "finished_at": min(finished_at, now),
    }
    made = [deploys.add_deploy(conn, project_id, release, deploy) for project_id in projects]
    return describe_deploy(made[0])


def list_deploys(conn: AnyConnection, raw_release: str) -> list[Answer]:
    """The newest deploys of a release. Raises NotFound."""
    release = read_release(raw_release)
    _find(conn, release)
    return [describe_deploy(row) for row in deploys.list_deploys(conn, release, _LISTED)]


def describe_release(rows: Sequence[ReportedRelease]) -> Answer:
    """A release as Sentry's API shows it; rows: one for each of its projects."""
    first = rows[0]
    return {
        "version": first["release"],
        "shortVersion": first["release"],
        "ref": first["ref"],
        "url": first["url"],
        "dateCreated": format_time(first["created_at"]),
        "dateReleased": format_time(first["finalized_at"]) if first["finalized_at"] else None,
        "commitCount": first["commit_count"],
        "lastCommit": {"id": first["commits"][0]["id"]} if first["commits"] else None,
        "projects": [{"slug": str(row["project_id"]), "name": str(row["project_id"])} for row in rows],
    }


def describe_deploy(row: Deploy) -> Answer:
    """A deploy as Sentry's API shows it."""
    return {
        "id": str(row["id"]),
        "environment": row["environment"],
        "name": row["name"],
        "url": row["url"],
        "dateStarted": format_time(row["started_at"]) if row["started_at"] else None,
        "dateFinished": format_time(row["finished_at"]),
    }


def _save(
    conn: AnyConnection, projects: Sequence[int], release: str, given: dict[str, Any], created_at: datetime
) -> list[ReportedRelease]:
    commits, count = read_commits(given)
    fields = {
        "created_at": created_at,
        "finalized_at": read_time(given, "dateReleased"),
        "ref": read_text(given, "ref", 200),
        "url": read_text(given, "url", _URL_CHARS),
        "commits": commits,
        "commit_count": count,
    }
    return [deploys.save_release(conn, project_id, release, fields) for project_id in projects]


def _find(conn: AnyConnection, release: str) -> list[ReportedRelease]:
    rows = deploys.find_releases(conn, release)
    if not rows:
        raise NotFound(_UNKNOWN)
    return rows
