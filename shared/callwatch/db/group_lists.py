"""Error groups as lists: filtered, searched, a page at a time by key, fast however many there are."""

from collections.abc import Mapping
from typing import Any

from psycopg2 import sql

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_all, fetch_one

COLUMNS = """id, fingerprint, title, message, type, severity, category, state, count, users, first_seen_at, last_seen_at,
    environment, release, project_id, sampled AS sampled_occurrences"""
# Only the filters that are asked for stand in the statement, so that the planner finds their index.
_FILTERS = {
    "state": "state = %(state)s",
    "severity": "severity = %(severity)s",
    "category": "category = %(category)s",
    "environment": "environment = %(environment)s",
    "release": """EXISTS (SELECT FROM callwatch.error_group_releases known
        WHERE known.release = %(release)s AND known.group_id = error_groups.id)""",
    "tag": """EXISTS (SELECT FROM callwatch.error_group_tags known
        WHERE known.tags @> ARRAY[%(tag)s] AND known.group_id = error_groups.id)""",
    "type": "type = %(type)s",
    "project": "project_id = %(project)s",
    "since": "last_seen_at >= %(since)s",
    "until": "first_seen_at < %(until)s",
    "q": """EXISTS (SELECT FROM callwatch.error_group_words known
        WHERE known.words @@ to_tsquery('simple', %(q)s) AND known.group_id = error_groups.id)""",
    "before_id": "(last_seen_at, id) < (%(before_at)s, %(before_id)s)",
}
_MOST_WORDS = 20
_BY_ID = f"""
    SELECT {COLUMNS}, endpoint, resolved_in_release, ignored_until, first_release
    FROM callwatch.error_groups WHERE id = %s
"""
_BY_FINGERPRINT = """
    SELECT group_id FROM callwatch.error_fingerprints WHERE fingerprint = %s ORDER BY group_id DESC LIMIT 1
"""
_RELEASES = """
    SELECT release, count, first_seen_at, last_seen_at FROM callwatch.error_group_releases
    WHERE group_id = %s ORDER BY last_seen_at DESC, release LIMIT 50
"""
_TAGS = "SELECT tags FROM callwatch.error_group_tags WHERE group_id = %s"
_HISTORY = (
    "SELECT at, actor, action, reason FROM callwatch.error_group_history WHERE group_id = %s ORDER BY at DESC, id DESC LIMIT 200"
)


def list_groups(conn: AnyConnection, filters: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Groups, the last seen first. filters: state severity category environment release type tag project since until q
    before_at before_id; project 0 shows only where it is asked for."""
    given = {name: value for name, value in filters.items() if value is not None}
    if "q" in given:
        given["q"] = words_query(given["q"])
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
    if "\x00" in name or len(name) > 300:
        return None
    row = fetch_one(conn, _BY_FINGERPRINT, (name,))
    return fetch_one(conn, _BY_ID, (row["group_id"],)) if row else None


def words_query(text: str) -> str:
    """What finds every word of `text`, each also as the beginning of a longer one ("time" finds "TimeoutError")."""
    quoted = ("'" + word.replace("\\", " ").replace("'", " ") + "'" for word in text.split()[:_MOST_WORDS])
    return " & ".join(f"{word}:*" for word in quoted if word.strip("' "))


def releases_of(conn: AnyConnection, group_id: int) -> list[dict[str, Any]]:
    """Rows release, count, first_seen_at, last_seen_at; the last seen first, at most 50."""
    return fetch_all(conn, _RELEASES, (group_id,))


def tags_of(conn: AnyConnection, group_id: int) -> list[str]:
    """Tags of the group as "key:value", in the order in which they came up."""
    row = fetch_one(conn, _TAGS, (group_id,))
    return list(row["tags"]) if row else []


def history_of(conn: AnyConnection, group_id: int) -> list[dict[str, Any]]:
    """Who did what to the group, and why; newest first."""
    return fetch_all(conn, _HISTORY, (group_id,))
