"""Routes that people make through the API: the newest version of them is in force, the older ones are their history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_CURRENT = "SELECT version, at, actor, routes::text AS routes FROM callwatch.route_versions ORDER BY version DESC LIMIT 1"
_HISTORY = "SELECT version, at, actor, reason, changes FROM callwatch.route_versions ORDER BY version DESC LIMIT %s"
_ADD = """
    INSERT INTO callwatch.route_versions (version, actor, reason, summary, changes, routes) VALUES (%s, %s, %s, %s, %s, %s)
"""
# Versions may be saved without end; the newest is never deleted.
_MAX_VERSIONS = 1_000
_FORGET = "DELETE FROM callwatch.route_versions WHERE version <= %s"


class CurrentRoutes(TypedDict):
    """The version in force. routes: JSON text that a person or a defect may have damaged."""

    version: int
    at: datetime
    actor: str
    routes: str


class VersionRow(TypedDict):
    """Who saved a version, when and why, and what it changed. changes: JSON as it was stored."""

    version: int
    at: datetime
    actor: str
    reason: str
    changes: Any


def read_current_routes(conn: AnyConnection) -> CurrentRoutes | None:
    """The version in force; None if none was ever saved."""
    return fetch_one(conn, _CURRENT, (), CurrentRoutes)


def list_route_versions(conn: AnyConnection, most: int) -> list[VersionRow]:
    """The newest versions, at most this many."""
    return fetch_all(conn, _HISTORY, (most,), VersionRow)


def add_route_version(
    conn: AnyConnection,
    version: int,
    actor: str,
    reason: str,
    summary: str,
    changes: Sequence[Mapping[str, Any]],
    routes: Sequence[Mapping[str, Any]],
) -> None:
    """Store a version, and forget what is far behind it. The caller commits."""
    execute(conn, _ADD, (version, actor, reason, summary, Json(list(changes)), Json(list(routes))))
    execute(conn, _FORGET, (version - _MAX_VERSIONS,))
