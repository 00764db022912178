"""Error groups: found by fingerprint, updated by occurrences, changed by people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.lock import lock_in_transaction
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.models.error import GroupStatus

GroupKey = tuple[int, str, str]

_FIND = """
    SELECT known.project_id, known.environment, known.fingerprint, known.group_id
    FROM callwatch.error_fingerprints known
    JOIN unnest(%s::int[], %s::text[], %s::text[]) AS wanted (project_id, environment, fingerprint)
      ON (known.project_id, known.environment, known.fingerprint)
       = (wanted.project_id, wanted.environment, wanted.fingerprint)
"""
# A group that has been known for a day is no longer new; an ignored one returns when its time or its number is exceeded. One
# that only reported something until now, and now reports a failure, is new. It is as severe as its worst occurrence.
_TOUCH = """
    UPDATE callwatch.error_groups AS known SET
        count = known.count + fresh.count,
        users = known.users + fresh.users,
        sampled = known.sampled + fresh.sampled,
        first_seen_at = least(known.first_seen_at, fresh.first_at),
        last_seen_at = greatest(known.last_seen_at, fresh.last_at),
        release = CASE WHEN fresh.last_at >= known.last_seen_at THEN coalesce(fresh.release, known.release)
                       ELSE coalesce(known.release, fresh.release) END,
        state = CASE
            WHEN known.state = 'resolved' AND fresh.is_regression THEN 'regressed'
            WHEN known.state = 'ignored' AND (known.ignored_until <= fresh.last_at
                 OR known.ignored_until_count <= known.count + fresh.count) THEN 'unresolved'
            WHEN known.state IN ('new', 'unresolved') AND known.level IN ('debug', 'info')
                 AND fresh.level NOT IN ('debug', 'info') THEN 'new'
            WHEN known.state = 'new' AND known.first_seen_at < fresh.last_at - interval '1 day' THEN 'unresolved'
            ELSE known.state END,
        state_changed_at = CASE
            WHEN known.state = 'resolved' AND fresh.is_regression THEN now()
            WHEN known.state = 'ignored' AND (known.ignored_until <= fresh.last_at
                 OR known.ignored_until_count <= known.count + fresh.count) THEN now()
            ELSE known.state_changed_at END,
        made_at = CASE WHEN known.level IN ('debug', 'info') AND fresh.level NOT IN ('debug', 'info') THEN now()
            ELSE known.made_at END,
        level = CASE WHEN array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], known.level)
            > array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], fresh.level) THEN known.level
            ELSE fresh.level END,
        severity = CASE WHEN array_position(ARRAY['low', 'medium', 'high', 'critical'], known.severity)
            > array_position(ARRAY['low', 'medium', 'high', 'critical'], fresh.severity) THEN known.severity
            ELSE fresh.severity END
    FROM (VALUES %s) AS fresh (id, count, users, sampled, first_at, last_at, release, is_regression, level, severity)
    WHERE known.id = fresh.id
    RETURNING known.id, known.state
"""
_LOCK_STATES = """
    SELECT id, project_id, state, state_changed_at, resolved_in_release, ignored_until FROM callwatch.error_groups
    WHERE id = ANY (%s) ORDER BY id FOR UPDATE
"""
_HISTORY = "INSERT INTO callwatch.error_group_history (group_id, actor, action, reason, details) VALUES %s"
_ADD_USERS = """
    INSERT INTO callwatch.error_group_users (group_id, user_hash) VALUES %s
    ON CONFLICT DO NOTHING RETURNING group_id
"""
_ADD_RELEASES = """
    INSERT INTO callwatch.error_group_releases AS known (group_id, release, count, first_seen_at, last_seen_at)
    VALUES %s ON CONFLICT (group_id, release) DO UPDATE SET count = known.count + EXCLUDED.count,
        first_seen_at = least(known.first_seen_at, EXCLUDED.first_seen_at),
        last_seen_at = greatest(known.last_seen_at, EXCLUDED.last_seen_at)
"""
_TAGS = "SELECT group_id, tags FROM callwatch.error_group_tags WHERE group_id = ANY (%s)"
_SET_TAGS = """
    INSERT INTO callwatch.error_group_tags (group_id, tags) VALUES %s
    ON CONFLICT (group_id) DO UPDATE SET tags = EXCLUDED.tags
"""
# For a tag that differs each time (an id), only the first values can be found later.
MAX_TAGS = 200
_END_IGNORING = """
    UPDATE callwatch.error_groups SET state = 'unresolved', state_changed_at = now(), ignored_until = NULL
    WHERE id IN (
        SELECT id FROM callwatch.error_groups WHERE state = 'ignored' AND ignored_until <= %s
        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING id
"""
_ACT = """
    UPDATE callwatch.error_groups SET state = %(state)s, state_changed_at = now(),
        resolved_in_release = %(in_release)s, ignored_until = %(until)s, ignored_until_count = count + %(more)s
    WHERE id = %(id)s
"""

_COUNT_OPEN = """
    SELECT count(*) AS n FROM callwatch.error_groups
    WHERE state IN ('new', 'unresolved', 'regressed') AND (level IS NULL OR level NOT IN ('debug', 'info'))
      AND (CASE WHEN %(project_id)s::int IS NULL THEN project_id <> 0 ELSE project_id = %(project_id)s END)
      AND (%(environment)s::text IS NULL OR environment = %(environment)s)
"""


class LockedGroup(TypedDict):
    """The state of a group, and since when."""

    id: int
    project_id: int
    state: GroupStatus
    state_changed_at: datetime
    resolved_in_release: str | None
    ignored_until: datetime | None


class _TagsRow(TypedDict):
    group_id: int
    tags: list[str]


class _IdRow(TypedDict):
    id: int


class _NumberRow(TypedDict):
    n: int


def find_groups(conn: AnyConnection, wanted: Collection[GroupKey]) -> tuple[dict[GroupKey, int], list[GroupKey]]:
    """Group ids by (project, environment, fingerprint), and the keys that have no group yet.

    If there are such keys, other creators of groups wait until the current transaction ends: two digests that meet the same new
    error must not create two groups for it.
    """
    found = find_known(conn, sorted(wanted))
    missing = sorted(set(wanted) - set(found))
    if missing:
        lock_creation(conn)
        found |= find_known(conn, missing)
    return found, [key for key in missing if key not in found]


def lock_creation(conn: AnyConnection) -> None:
    """Make other creators of groups wait until the transaction ends. Raises LockUnavailable."""
    lock_in_transaction(conn, "error groups")


def find_known(conn: AnyConnection, keys: Sequence[GroupKey]) -> dict[GroupKey, int]:
    """Group ids by (project, environment, fingerprint); a key without a group is missing."""
    if not keys:
        return {}
    with conn.cursor() as cursor:
        cursor.execute(_FIND, tuple(map(list, zip(*keys, strict=True))))
        return {(row[0], row[1], row[2]): row[3] for row in cursor.fetchall()}


def lock_groups(conn: AnyConnection, ids: Sequence[int]) -> dict[int, LockedGroup]:
    """States of groups, locked in order until the transaction ends: two digests never deadlock."""
    return {row["id"]: row for row in fetch_all(conn, _LOCK_STATES, (sorted(ids),), LockedGroup)}


def touch_groups(conn: AnyConnection, rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
    """Add occurrences: (id, count, users, sampled, first_at, last_at, release, is_regression, level, severity), each id once.

    level and severity: the highest of them.

    Returns the states of the groups after the update.
    """
    with conn.cursor() as cursor:
        template = "(%s, %s::bigint, %s::bigint, %s::bigint, %s::timestamptz, %s::timestamptz, %s, %s::boolean, %s, %s)"
        return dict(execute_values(cursor, _TOUCH, sorted(rows), template=template, page_size=1000, fetch=True))


def add_users(conn: AnyConnection, pairs: Sequence[tuple[int, str]]) -> dict[int, int]:
    """Record affected users as (group id, hash); returns how many were new to each group."""
    fresh: dict[int, int] = {}
    if pairs:
        with conn.cursor() as cursor:
            for (group_id,) in execute_values(cursor, _ADD_USERS, sorted(set(pairs)), page_size=1000, fetch=True):
                fresh[group_id] = fresh.get(group_id, 0) + 1
    return fresh


def add_releases(conn: AnyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record releases: (group id, release, count, first_at, last_at), each pair once."""
    execute_rows(conn, _ADD_RELEASES, sorted(rows))


def add_tags(conn: AnyConnection, wanted: Mapping[int, set[str]]) -> None:
    """Record tags ("key:value") of groups, up to MAX_TAGS each; the caller has locked the groups."""
    if not wanted:
        return
    known = {row["group_id"]: row["tags"] for row in fetch_all(conn, _TAGS, (sorted(wanted),), _TagsRow)}
    changed = []
    for group_id, tags in sorted(wanted.items()):
        old = known.get(group_id, [])
        fresh = sorted(tags.difference(old))[: max(0, MAX_TAGS - len(old))]
        if fresh:
            changed.append((group_id, [*old, *fresh]))
    execute_rows(conn, _SET_TAGS, changed)


def add_history(conn: AnyConnection, entries: Sequence[tuple[int, str, str, str | None]], details: str | None = None) -> None:
    """Record who did what to which group, and why: (group id, actor, action, reason). details: what that meant, for all."""
    execute_rows(conn, _HISTORY, [(*entry, details) for entry in entries])


def set_state(
    conn: AnyConnection,
    group_id: int,
    state: GroupStatus,
    in_release: str | None = None,
    until: datetime | None = None,
    more: int | None = None,
) -> bool:
    """Move a group to a state; more: ignore until this many further occurrences. False if there is no such group."""
    given = {"id": group_id, "state": state, "in_release": in_release, "until": until, "more": more}
    return execute(conn, _ACT, given) == 1


def end_ignoring(conn: AnyConnection, now: datetime, limit: int = 500) -> int:
    """Set groups whose ignore time is over to unresolved; returns how many. The caller commits."""
    ended = [row["id"] for row in fetch_all(conn, _END_IGNORING, (now, limit), _IdRow)]
    reason = "the time for which the group was ignored is over"
    add_history(conn, [(group_id, "callwatch", "reopen", reason) for group_id in ended])
    return len(ended)


def count_open(conn: AnyConnection, project_id: int | None, environment: str | None) -> int:
    """Groups that are new, unresolved or regressed, and report a failure."""
    row = fetch_one(conn, _COUNT_OPEN, {"project_id": project_id, "environment": environment}, _NumberRow)
    return row["n"] if row else 0
