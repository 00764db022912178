"""Fingerprints of older grouping rules: whether any are left, and the groups that they and newer ones lead to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.db.error_queries.error_groups import GroupKey

# After the upgrade, an error that only the newer rules tell from others is no news for this long.
SEPARATION = timedelta(days=14)
_MIGRATION = 19

_HAS_OLDER = "SELECT EXISTS (SELECT FROM callwatch.error_fingerprints WHERE left(fingerprint, 2) = '1:') AS is_there"
_CLAIMED = """
    SELECT DISTINCT group_id FROM callwatch.error_fingerprints WHERE group_id = ANY (%s) AND left(fingerprint, 2) <> '1:'
"""
_IS_SEPARATING = """
    SELECT coalesce((SELECT applied_at > now() - %s FROM callwatch.migrations WHERE number = %s), false) AS is_there
"""
_ADD = """
    INSERT INTO callwatch.error_fingerprints (project_id, environment, fingerprint, group_id) VALUES %s ON CONFLICT DO NOTHING
"""


def has_older(conn: AnyConnection) -> bool:
    """Whether groups of the first version of the rules are left."""
    row = fetch_one(conn, _HAS_OLDER, ())
    return bool(row and row["is_there"])


def is_separating(conn: AnyConnection) -> bool:
    """Whether the upgrade to the second version of the rules is less than SEPARATION ago."""
    row = fetch_one(conn, _IS_SEPARATING, (SEPARATION, _MIGRATION))
    return bool(row and row["is_there"])


def list_claimed(conn: AnyConnection, group_ids: Collection[int]) -> set[int]:
    """Which of these groups a fingerprint of the present version leads to."""
    return {row["group_id"] for row in fetch_all(conn, _CLAIMED, (sorted(group_ids),))} if group_ids else set()


def add_fingerprints(conn: AnyConnection, groups: Mapping[GroupKey, int]) -> None:
    """Make further fingerprints lead to groups. The caller commits."""
    rows: Sequence[tuple[int | str, ...]] = [(*key, group_id) for key, group_id in sorted(groups.items())]
    execute_rows(conn, _ADD, rows)
