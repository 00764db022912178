"""Joins groups and takes a fingerprint out of one: everything that is counted and stored follows.

The caller has locked the groups with `lock_groups`, as each digest does: a digest that meanwhile holds occurrences of a merged
group finds it gone, looks its fingerprint up again, and gets the group that took it.
"""

from collections.abc import Sequence
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.error_queries.error_groups import add_tags

# Each merged id is one more place to look for occurrences.
MAX_MERGED = 500
_MAX_FINGERPRINTS = 500
# Above this many words, a group is found by its own alone: a text search vector holds at most 1 MB.
_MAX_WORDS = 5_000

_ADD_HOURS = """
    INSERT INTO callwatch.error_counts_by_group AS known (hour, project_id, environment, group_id, count)
    SELECT hour, project_id, environment, %(target)s, count FROM callwatch.error_counts_by_group
    WHERE group_id = %(source)s ORDER BY hour
    ON CONFLICT (group_id, hour, project_id, environment) DO UPDATE SET count = known.count + EXCLUDED.count
"""
_ADD_MINUTES = """
    INSERT INTO callwatch.error_counts_by_group_minute AS known (minute, project_id, environment, group_id, count)
    SELECT minute, project_id, environment, %(target)s, count FROM callwatch.error_counts_by_group_minute
    WHERE group_id = %(source)s ORDER BY minute
    ON CONFLICT (minute, group_id, project_id, environment) DO UPDATE SET count = known.count + EXCLUDED.count
"""
_ADD_RELEASES = """
    INSERT INTO callwatch.error_group_releases AS known (group_id, release, count, first_seen_at, last_seen_at)
    SELECT %(target)s, release, count, first_seen_at, last_seen_at FROM callwatch.error_group_releases
    WHERE group_id = %(source)s ORDER BY release
    ON CONFLICT (group_id, release) DO UPDATE SET count = known.count + EXCLUDED.count,
        first_seen_at = least(known.first_seen_at, EXCLUDED.first_seen_at),
        last_seen_at = greatest(known.last_seen_at, EXCLUDED.last_seen_at)
"""
_ADD_USERS = """
    INSERT INTO callwatch.error_group_users (group_id, user_hash)
    SELECT %(target)s, user_hash FROM callwatch.error_group_users WHERE group_id = %(source)s ORDER BY user_hash
    ON CONFLICT DO NOTHING
"""
_ADD_WORDS = """
    UPDATE callwatch.error_group_words AS known SET words = strip(known.words) || strip(merged.words)
    FROM callwatch.error_group_words AS merged
    WHERE known.group_id = %(target)s AND merged.group_id = %(source)s
      AND length(known.words) + length(merged.words) <= %(most)s
"""
_ADD_GROUP = """
    UPDATE callwatch.error_groups AS known SET
        count = known.count + merged.count,
        users = known.users + %(users)s,
        sampled = known.sampled + merged.sampled,
        ignored_until_count = known.ignored_until_count + merged.count,
        first_release = CASE WHEN merged.first_seen_at < known.first_seen_at
            THEN coalesce(merged.first_release, known.first_release) ELSE coalesce(known.first_release, merged.first_release) END,
        release = CASE WHEN merged.last_seen_at > known.last_seen_at
            THEN coalesce(merged.release, known.release) ELSE coalesce(known.release, merged.release) END,
        first_seen_at = least(known.first_seen_at, merged.first_seen_at),
        last_seen_at = greatest(known.last_seen_at, merged.last_seen_at),
        assigned_to = coalesce(known.assigned_to, merged.assigned_to),
        level = CASE WHEN array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], known.level)
            >= array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], merged.level) THEN known.level
            ELSE coalesce(merged.level, known.level) END,
        severity = CASE WHEN array_position(ARRAY['low', 'medium', 'high', 'critical'], known.severity)
            >= array_position(ARRAY['low', 'medium', 'high', 'critical'], merged.severity) THEN known.severity
            ELSE merged.severity END
    FROM callwatch.error_groups AS merged WHERE known.id = %(target)s AND merged.id = %(source)s
"""
_TAGS = "SELECT tags FROM callwatch.error_group_tags WHERE group_id = %s"
_FOLLOW = (
    "UPDATE callwatch.error_fingerprints SET group_id = %(target)s WHERE group_id = %(source)s",
    "UPDATE callwatch.error_group_history SET group_id = %(target)s WHERE group_id = %(source)s",
    "UPDATE callwatch.error_group_merges SET group_id = %(target)s WHERE group_id = %(source)s",
    "INSERT INTO callwatch.error_group_merges (merged_id, group_id) VALUES (%(source)s, %(target)s)",
)
_COPIED = (
    *("error_counts_by_group", "error_counts_by_group_minute", "error_group_releases", "error_group_users"),
    *("error_group_words", "error_group_tags"),
)
_MERGED = "SELECT merged_id FROM callwatch.error_group_merges WHERE group_id = %s ORDER BY merged_id LIMIT %s"
_FINGERPRINTS = """
    SELECT fingerprint FROM callwatch.error_fingerprints WHERE group_id = %s
    ORDER BY fingerprint LIMIT %s
"""
_REMOVE_FINGERPRINT = """
    DELETE FROM callwatch.error_fingerprints AS known USING callwatch.error_groups AS owner
    WHERE owner.id = %(id)s AND known.group_id = owner.id AND known.fingerprint = %(fingerprint)s
      AND (known.project_id, known.environment) = (owner.project_id, owner.environment)
"""
_RENAME = "UPDATE callwatch.error_groups SET fingerprint = %(other)s WHERE id = %(id)s AND fingerprint = %(fingerprint)s"
_ASSIGN = "UPDATE callwatch.error_groups SET assigned_to = %s WHERE id = %s"


class _MergedRow(TypedDict):
    merged_id: int


class _FingerprintRow(TypedDict):
    fingerprint: str


class _TagsRow(TypedDict):
    tags: list[str]


def merge_groups(conn: AnyConnection, source: int, target: int) -> None:
    """Move everything of the source to the target and delete the source; both are locked. The caller commits.

    Occurrences keep the source's id, which leads to the target from now on: however many there are, none is rewritten.
    """
    given = {"source": source, "target": target}
    for statement in (_ADD_HOURS, _ADD_MINUTES, _ADD_RELEASES):
        execute(conn, statement, given)
    users = execute(conn, _ADD_USERS, given)
    execute(conn, _ADD_WORDS, {**given, "most": _MAX_WORDS})
    tags = fetch_one(conn, _TAGS, (source,), _TagsRow)
    if tags:
        add_tags(conn, {target: set(tags["tags"])})
    execute(conn, _ADD_GROUP, {**given, "users": users})
    for statement in _FOLLOW:
        execute(conn, statement, given)
    for table in _COPIED:
        execute(conn, f"DELETE FROM callwatch.{table} WHERE group_id = %s", (source,))
    execute(conn, "DELETE FROM callwatch.error_groups WHERE id = %s", (source,))


def list_stored_ids(conn: AnyConnection, group_id: int) -> list[int]:
    """The ids under which occurrences of a group are stored: its own, and those of the groups that it took."""
    return [group_id, *(row["merged_id"] for row in fetch_all(conn, _MERGED, (group_id, MAX_MERGED), _MergedRow))]


def list_fingerprints(conn: AnyConnection, group_id: int) -> list[str]:
    """The fingerprints that lead to a group, at most 500."""
    return [row["fingerprint"] for row in fetch_all(conn, _FINGERPRINTS, (group_id, _MAX_FINGERPRINTS), _FingerprintRow)]


def remove_fingerprint(conn: AnyConnection, group_id: int, fingerprint: str, others: Sequence[str]) -> None:
    """Let later events with this fingerprint form a group of their own; others: what still leads here. The caller commits."""
    given = {"id": group_id, "fingerprint": fingerprint, "other": others[-1]}
    execute(conn, _REMOVE_FINGERPRINT, given)
    execute(conn, _RENAME, given)


def set_owner(conn: AnyConnection, group_id: int, name: str | None) -> None:
    """Assign a group to a person; None: to nobody. The caller commits."""
    execute(conn, _ASSIGN, (name, group_id))
