"""Finds the groups of an event or of a user, by the 32 hex digits of the event's id or of the user's hash."""

from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all

_MAX_GROUPS = 1_000
# Platforms make an environment for each branch.
_MAX_SCOPES = 2_000
# An event's key begins with the day, the project and the environment: each combination is one look into an index. The first
# part hops from one project and environment to the next, however many groups there are.
_OF_EVENT = """
    WITH RECURSIVE scopes AS (
        (SELECT project_id, environment FROM callwatch.error_groups ORDER BY project_id, environment LIMIT 1)
        UNION ALL
        SELECT next.project_id, next.environment FROM scopes CROSS JOIN LATERAL (
            SELECT project_id, environment FROM callwatch.error_groups AS known
            WHERE (known.project_id, known.environment) > (scopes.project_id, scopes.environment)
            ORDER BY project_id, environment LIMIT 1
        ) AS next
    ), days AS (
        SELECT to_date(substring(child.relname FROM '[0-9]{8}$'), 'YYYYMMDD') AS day
        FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = 'callwatch.error_logs'::regclass
    )
    SELECT found.group_id FROM (
        SELECT project_id, environment FROM scopes
        WHERE (%(project)s::integer IS NULL OR project_id = %(project)s)
          AND (%(environment)s::text IS NULL OR environment = %(environment)s)
        LIMIT %(scopes)s
    ) AS scopes CROSS JOIN days
    CROSS JOIN LATERAL (
        SELECT group_id FROM callwatch.error_logs AS stored
        WHERE stored.day = days.day AND stored.project_id = scopes.project_id AND stored.environment = scopes.environment
          AND stored.event_id = %(id)s::uuid AND stored.deleted_at IS NULL LIMIT 1
    ) AS found
"""
_OF_USER = "SELECT group_id FROM callwatch.error_group_users WHERE user_hash = %(id)s ORDER BY group_id DESC LIMIT %(most)s"
_MERGED = "SELECT group_id FROM callwatch.error_group_merges WHERE merged_id = ANY (%s)"


class _GroupRow(TypedDict):
    group_id: int


def find_by_hex(conn: AnyConnection, identifier: str, project: int | None = None, environment: str | None = None) -> list[int]:
    """Ids of the groups of the event with this id, or of the user with this hash; at most 1,000 of them.

    project, environment: where the event is looked for; without them, in 2,000 pairs of them at most.
    """
    given = {
        "id": identifier, "most": _MAX_GROUPS, "scopes": _MAX_SCOPES, "project": project, "environment": environment
    }  # fmt: skip
    found = {row["group_id"] for query in (_OF_EVENT, _OF_USER) for row in fetch_all(conn, query, given, _GroupRow)}
    if found:
        found |= {row["group_id"] for row in fetch_all(conn, _MERGED, (sorted(found),), _GroupRow)}
    return sorted(found)
