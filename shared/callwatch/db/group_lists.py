"""Error groups as lists: filtered, searched, a page at a time by key, fast however many there are."""

from collections.abc import Mapping
from typing import Any

from psycopg2 import sql

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_all, fetch_one

COLUMNS = """id, fingerprint, message, type, severity, category, state, count, users, first_seen_at, last_seen_at,
    environment, release"""
# Only the filters that are asked for stand in the statement, so that the planner finds their index.
_FILTERS = {
    "state": "state = %(state)s",
    "severity": "severity = %(severity)s",
    "category": "category = %(category)s",
    "environment": "environment = %(environment)s",
    "release": "release = %(release)s",
    "type": "type = %(type)s",
    "project": "project_id = %(project)s",
    "since": "last_seen_at >= %(since)s",
    "until": "first_seen_at < %(until)s",
    "q": "to_tsvector('simple', title || ' ' || message || ' ' || coalesce(type, '')) @@ websearch_to_tsquery('simple', %(q)s)",
    "before_id": "(last_seen_at, id) < (%(before_at)s, %(before_id)s)",
}
_BY_ID = f"""
    SELECT {COLUMNS}, title, endpoint, project_id, resolved_in_release, ignored_until, first_release
    FROM callwatch.error_groups WHERE id = %s
"""
_BY_FINGERPRINT = """
    SELECT group_id FROM callwatch.error_fingerprints WHERE fingerprint = %s ORDER BY group_id DESC LIMIT 1
"""
_HISTORY = (
    "SELECT at, actor, action, reason FROM callwatch.error_group_history WHERE group_id = %s ORDER BY at DESC, id DESC LIMIT 200"
)


def list_groups(conn: AnyConnection, filters: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Groups, the last seen first. filters: state severity category environment release type project since until q
    before_at before_id; project 0 shows only where it is asked for."""
    given = {name: value for name, value in filters.items() if value is not None}
    where = [sql.SQL(text) for name, text in _FILTERS.items() if name in given]
    if "project" not in given:
        where.append(sql.SQL("project_id <> 0"))
    statement = sql.SQL(
        "SELECT {} FROM callwatch.error_groups WHERE {} ORDER BY last_seen_at DESC, id DESC LIMIT %(limit)s"
    ).format(sql.SQL(COLUMNS), sql.SQL(" AND ").join(where))
    return fetch_all(conn, statement.as_string(conn), {**given, "limit": limit})


def find_group(conn: AnyConnection, name: str) -> dict[str, Any] | None:
    """The group with this id, or the one that this fingerprint maps to."""
    if name.isascii() and name.isdigit() and len(name) < 19:
        return fetch_one(conn, _BY_ID, (int(name),))
    row = fetch_one(conn, _BY_FINGERPRINT, (name,))
    return fetch_one(conn, _BY_ID, (row["group_id"],)) if row else None


def history_of(conn: AnyConnection, group_id: int) -> list[dict[str, Any]]:
    """Who did what to the group, and why; newest first."""
    return fetch_all(conn, _HISTORY, (group_id,))
