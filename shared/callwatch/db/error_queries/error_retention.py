"""Deletes errors after their retention, a bounded part at a time; occurrences are dropped with their partitions."""

from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# Maximum rows of each kind in a cycle: the next cycle, a minute later, continues.
COUNTERS_AT_ONCE = 5_000
GROUPS_AT_ONCE = 500
MINUTES_KEPT = timedelta(days=2)
GROUP_MINUTES_KEPT = timedelta(hours=2)

_DELETE_COUNTERS = """
    DELETE FROM callwatch.{table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM callwatch.{table} WHERE {time} < %s ORDER BY {time} LIMIT %s
    ))
"""
_COUNTERS = (
    ("error_counts_by_minute", "minute", MINUTES_KEPT),
    ("error_counts_by_sqlstate", "minute", MINUTES_KEPT),
    ("error_counts_by_group_minute", "minute", GROUP_MINUTES_KEPT),
    ("error_counts_hourly", "hour", None),
    ("error_counts_by_group", "hour", None),
    ("error_counts_by_endpoint", "hour", None),
)
# A group that a digest has locked is left: it is about to be seen again.
_FORGOTTEN = """
    SELECT id FROM callwatch.error_groups WHERE last_seen_at < %s
    ORDER BY last_seen_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# A group may have any number of these.
_DELETE_MANY = """
    DELETE FROM callwatch.{table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM callwatch.{table} WHERE group_id = ANY (%s) LIMIT %s
    ))
"""
_MANY = ("error_group_users", "error_group_releases", "error_counts_by_group")
_FEW = ("error_fingerprints", "error_group_history", "error_group_tags", "error_group_words", "error_group_merges")
ROWS_AT_ONCE = 20_000


class _IdRow(TypedDict):
    id: int


def forget_old_counts(conn: AnyConnection, now: datetime, retention_days: int) -> int:
    """Delete expired counters, at most COUNTERS_AT_ONCE of each kind; returns how many. The caller commits."""
    oldest = now - timedelta(days=retention_days)
    return sum(
        execute(
            conn,
            _DELETE_COUNTERS.format(table=table, time=time),
            (now - kept if kept is not None else oldest, COUNTERS_AT_ONCE),
        )
        for table, time, kept in _COUNTERS
    )


def forget_old_groups(conn: AnyConnection, now: datetime, retention_days: int) -> int:
    """Delete groups not seen within the retention, with everything that belongs to them; returns how many. The caller commits.

    If such an error occurs again, it creates a new group.
    """
    rows = fetch_all(conn, _FORGOTTEN, (now - timedelta(days=retention_days), GROUPS_AT_ONCE), _IdRow)
    ids = [row["id"] for row in rows]
    if not ids:
        return 0
    deleted = [execute(conn, _DELETE_MANY.format(table=table), (ids, ROWS_AT_ONCE)) for table in _MANY]
    if max(deleted) == ROWS_AT_ONCE:
        # The next call deletes the remaining rows, and then the groups.
        return 0
    for table in _FEW:
        execute(conn, f"DELETE FROM callwatch.{table} WHERE group_id = ANY (%s)", (ids,))
    return execute(conn, "DELETE FROM callwatch.error_groups WHERE id = ANY (%s)", (ids,))
