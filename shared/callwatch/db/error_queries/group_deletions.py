"""Deletes groups and occurrences for good, and records who did it and why.

A group disappears at once. What is stored of it, perhaps millions of rows, goes in parts: the first with the request, the rest
by the monitor.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

from callwatch.db.archive_queries.payload_objects import Place
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

ROWS_AT_ONCE = 5_000
OBJECTS_AT_ONCE = 20
DELETIONS_AT_ONCE = 20
# Long enough for a yearly review.
DELETIONS_KEPT = timedelta(days=400)
# What erasing leaves of an occurrence besides its key, which makes a second delivery harmless.
ERASED_COLUMNS = """
        deleted_at = now(), message = '', payload = NULL, user_hash = NULL,
        type = NULL, endpoint = NULL, release = NULL, service = NULL,
        payload_object = NULL, payload_start = NULL, payload_bytes = NULL
"""
_NOTE = """
    INSERT INTO callwatch.error_deletions
        (actor, reason, project_id, environment, group_id, event_id, fingerprint, occurrences, stored_ids, finished_at)
    SELECT %(actor)s, %(reason)s, project_id, environment, id, %(event_id)s::uuid, fingerprint,
        CASE WHEN %(event_id)s::uuid IS NULL THEN count ELSE 1 END, %(stored_ids)s,
        CASE WHEN %(event_id)s::uuid IS NULL THEN NULL ELSE now() END
    FROM callwatch.error_groups WHERE id = %(group_id)s RETURNING id
"""
# Small, and all that leads to the group.
_AT_ONCE = ("error_fingerprints", "error_group_history", "error_group_tags", "error_group_words", "error_group_merges")
_IN_PARTS = ("error_group_users", "error_group_releases", "error_counts_by_group", "error_counts_by_group_minute")
_DELETE_PART = """
    DELETE FROM callwatch.{table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM callwatch.{table} WHERE group_id = ANY (%s) LIMIT %s
    ))
"""
_A_DAY = "SELECT day FROM callwatch.error_logs WHERE group_id = ANY (%s) LIMIT 1"
# Within one partition, where a row's place identifies it.
_DELETE_OF_DAY = """
    WITH gone AS (
        DELETE FROM callwatch.error_logs WHERE day = %(day)s AND ctid = ANY (ARRAY(
            {rows}
        )) RETURNING project_id, event_id, payload_object, payload_start, payload_bytes
    ), unsaid AS (
        DELETE FROM callwatch.user_feedback AS said USING gone
        WHERE said.project_id = gone.project_id AND said.event_id = gone.event_id
    )
    SELECT payload_object, payload_start, payload_bytes FROM gone
"""
_ALL = "SELECT ctid FROM callwatch.error_logs WHERE day = %(day)s AND group_id = ANY (%(ids)s) LIMIT %(most)s"
# Where payloads lie in objects, those of few objects: each is read and written as a whole.
_OF_FEW_OBJECTS = """
    SELECT ctid FROM (
        SELECT ctid, dense_rank() OVER (ORDER BY payload_object NULLS FIRST) AS place FROM callwatch.error_logs
        WHERE day = %(day)s AND group_id = ANY (%(ids)s)
    ) AS ranked WHERE place <= %(objects)s LIMIT %(most)s
"""
_HAS_OBJECTS = "SELECT FROM callwatch.payload_objects WHERE day = %s LIMIT 1"
# What users wrote about it goes with an occurrence.
_DELETE_FEEDBACK = """
    DELETE FROM callwatch.user_feedback
    WHERE event_id = %(event_id)s AND project_id = (SELECT project_id FROM callwatch.error_groups WHERE id = %(group_id)s)
"""
_OPEN = """
    SELECT id, stored_ids FROM callwatch.error_deletions WHERE finished_at IS NULL
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_FINISH = "UPDATE callwatch.error_deletions SET finished_at = now() WHERE id = %s"
_NOTE_ARCHIVED = """
    INSERT INTO callwatch.error_deletions
        (actor, reason, project_id, environment, group_id, event_id, fingerprint, occurrences, finished_at)
    VALUES (%(actor)s, %(reason)s, %(project_id)s, %(environment)s, %(group_id)s, %(event_id)s, %(fingerprint)s, 1, now())
"""
_DELETE_FEEDBACK_OF_LINE = """
    DELETE FROM callwatch.user_feedback WHERE event_id = %(event_id)s AND project_id = %(project_id)s
"""
_ERASED = """
    FROM callwatch.error_logs
    WHERE group_id = ANY (%(stored_ids)s) AND event_id = %(event_id)s AND day >= %(day)s AND deleted_at IS NULL
"""
_LOCK_ERASED = f"SELECT payload_object, payload_start, payload_bytes {_ERASED} FOR UPDATE"
_ERASE = f"""
    UPDATE callwatch.error_logs SET {ERASED_COLUMNS}
    WHERE (day, project_id, environment, event_id) IN (SELECT day, project_id, environment, event_id {_ERASED})
"""
_FORGET = "DELETE FROM callwatch.error_deletions WHERE finished_at IS NOT NULL AND at < %s"


# Makes payloads unreadable that lie outside of the database, before their rows go.
Erase = Callable[[AnyConnection, Sequence[Place]], object]


class _IdRow(TypedDict):
    id: int


class _DayRow(TypedDict):
    day: date


class _PlaceRow(TypedDict):
    payload_object: int | None
    payload_start: int | None
    payload_bytes: int | None


class _OpenRow(TypedDict):
    id: int
    stored_ids: list[int]


def delete_group(
    conn: AnyConnection, group_id: int, stored_ids: Sequence[int], actor: str, reason: str | None, has_first_part: bool
) -> None:
    """Delete a locked group, perhaps with the first part of its rows; the next cycles delete the rest. The caller commits.

    Rows whose payloads lie outside of the database are left for the cycles.
    """
    deletion = _note(conn, group_id, None, stored_ids, actor, reason)
    for table in _AT_ONCE:
        execute(conn, f"DELETE FROM callwatch.{table} WHERE group_id = %s", (group_id,))
    execute(conn, "DELETE FROM callwatch.error_groups WHERE id = %s", (group_id,))
    if has_first_part:
        _continue(conn, deletion, stored_ids, None)


def erase_occurrence(
    conn: AnyConnection,
    group_id: int,
    stored_ids: Sequence[int],
    event_id: str,
    since: datetime,
    actor: str,
    reason: str | None,
    erase: Erase,
) -> bool:
    """Erase an occurrence of a locked group but for its key, which makes a second delivery harmless. The caller commits.

    False if the group has no such occurrence. Raises what `erase` raises.
    """
    given = {"stored_ids": list(stored_ids), "event_id": event_id, "day": since.date()}
    rows = fetch_all(conn, _LOCK_ERASED, given, _PlaceRow)
    if not rows:
        return False
    erase(conn, _list_places(rows))
    execute(conn, _ERASE, given)
    execute(conn, _DELETE_FEEDBACK, {"event_id": event_id, "group_id": group_id})
    _note(conn, group_id, event_id, stored_ids, actor, reason)
    return True


def note_archived(conn: AnyConnection, line: Mapping[str, object], group_id: int, actor: str, reason: str | None) -> None:
    """Record that an occurrence was erased in the archive, and delete what users wrote about it. The caller commits.

    line: its fields. group_id: 0 if the group is gone.
    """
    given = {name: line[name] for name in ("project_id", "environment", "event_id", "fingerprint")}
    given |= {"group_id": group_id, "actor": actor, "reason": reason}
    execute(conn, _DELETE_FEEDBACK_OF_LINE, given)
    execute(conn, _NOTE_ARCHIVED, given)


def continue_deletions(conn: AnyConnection, erase: Erase) -> int:
    """Delete the next part of what deleted groups left; returns how many deletions are now finished. The caller commits.

    Raises what `erase` raises.
    """
    rows = fetch_all(conn, _OPEN, (DELETIONS_AT_ONCE,), _OpenRow)
    return sum(_continue(conn, row["id"], row["stored_ids"], erase) for row in rows)


def forget_deletions(conn: AnyConnection, now: datetime) -> None:
    """Delete old records of deletions. The caller commits."""
    execute(conn, _FORGET, (now - DELETIONS_KEPT,))


def _note(
    conn: AnyConnection, group_id: int, event_id: str | None, stored_ids: Sequence[int], actor: str, reason: str | None
) -> int:
    given = {"group_id": group_id, "event_id": event_id, "stored_ids": list(stored_ids), "actor": actor, "reason": reason}
    row = fetch_one(conn, _NOTE, given, _IdRow)
    if row is None:
        raise AssertionError("the caller has locked the group")
    return row["id"]


def _continue(conn: AnyConnection, deletion: int, stored_ids: Sequence[int], erase: Erase | None) -> bool:
    """Delete one part of each table; whether nothing is left."""
    ids = list(stored_ids)
    deleted = [execute(conn, _DELETE_PART.format(table=table), (ids, ROWS_AT_ONCE)) for table in _IN_PARTS]
    is_finished = _delete_occurrences(conn, ids, erase) and max(deleted) < ROWS_AT_ONCE
    if is_finished:
        execute(conn, _FINISH, (deletion,))
    return is_finished


def _delete_occurrences(conn: AnyConnection, ids: list[int], erase: Erase | None) -> bool:
    """Delete at most ROWS_AT_ONCE occurrences, day by day; whether none is left. Without `erase`, of days without objects."""
    left = ROWS_AT_ONCE
    while left > 0:
        row = fetch_one(conn, _A_DAY, (ids,), _DayRow)
        if row is None:
            return True
        has_objects = bool(fetch_all(conn, _HAS_OBJECTS, (row["day"],)))
        if has_objects and erase is None:
            return False
        given = {"day": row["day"], "ids": ids, "most": left, "objects": OBJECTS_AT_ONCE}
        gone = fetch_all(conn, _DELETE_OF_DAY.format(rows=_OF_FEW_OBJECTS if has_objects else _ALL), given, _PlaceRow)
        places = _list_places(gone)
        if places and erase is not None:
            # Before the caller commits: a payload is never left readable without its row.
            erase(conn, places)
            return False
        left -= len(gone)
    return False


def _list_places(rows: Sequence[_PlaceRow]) -> list[Place]:
    return [
        Place(row["payload_object"], row["payload_start"], row["payload_bytes"])
        for row in rows
        if row["payload_object"] is not None and row["payload_start"] is not None and row["payload_bytes"] is not None
    ]
