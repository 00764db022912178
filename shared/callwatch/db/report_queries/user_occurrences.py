"""What is stored of a user: occurrences, found by the beginning of the hash, and links from groups.

A row whose payload lies in an object has the first characters of the hash alone; the line in the object has the whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, TypedDict

from psycopg2.errors import QueryCanceled

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.error_queries.group_deletions import ERASED_COLUMNS
from callwatch.db.report_queries.user_erasures import OpenErasure, Progress

LINKS_AT_ONCE = 500
_COUNT_MS = 4_000
# An event waits in a queue for at most 14 days, and its own time is at most 6 days before its arrival.
_LATE = timedelta(days=21)
_STORED = """
    FROM callwatch.error_logs
    WHERE left(user_hash, 12) = left(%(user_hash)s, 12) AND (payload_object IS NOT NULL OR user_hash = %(user_hash)s)
      AND deleted_at IS NULL
"""
_COUNT = f"SELECT day, count(*) AS n {_STORED} GROUP BY day ORDER BY day"
_DAYS = """
    SELECT to_date(substring(child.relname FROM '[0-9]{8}$'), 'YYYYMMDD') AS day, 0::bigint AS n
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'callwatch.error_logs'::regclass ORDER BY 1
"""
_IS_KNOWN = """
    SELECT EXISTS (SELECT FROM callwatch.error_group_users WHERE user_hash = %(user_hash)s)
        OR EXISTS (SELECT FROM callwatch.user_feedback WHERE user_hash = %(user_hash)s) AS is_known
"""
# Rows with their payload come first, and vanish from here once they are erased.
_NEXT = f"""
    SELECT project_id, environment, event_id, group_id, payload_object, payload_start, payload_bytes {_STORED}
      AND day = %(day)s AND received_at <= %(at)s
      AND (payload_object IS NULL OR (payload_object, payload_start) > (%(last_object)s, %(last_start)s))
    ORDER BY payload_object NULLS FIRST, payload_start LIMIT %(most)s FOR UPDATE
"""
_ERASE = f"""
    WITH given AS (
        SELECT * FROM unnest(%(project_ids)s::integer[], %(environments)s::text[], %(event_ids)s::uuid[])
            AS wanted (project_id, environment, event_id)
    ), unsaid AS (
        DELETE FROM callwatch.user_feedback AS said USING given
        WHERE said.project_id = given.project_id AND said.event_id = given.event_id
    )
    UPDATE callwatch.error_logs AS stored SET {ERASED_COLUMNS}
    FROM given WHERE stored.day = %(day)s AND stored.project_id = given.project_id
        AND stored.environment = given.environment AND stored.event_id = given.event_id AND stored.deleted_at IS NULL
"""
_NOTE = """
    INSERT INTO callwatch.error_group_history (group_id, actor, action, reason, details)
    SELECT groups.id, %(actor)s, 'erase_user', %(reason)s, sum(given.n) || ' occurrences of a user'
    FROM unnest(%(group_ids)s::bigint[], %(counts)s::bigint[]) AS given (stored_id, n)
    LEFT JOIN callwatch.error_group_merges AS merged ON merged.merged_id = given.stored_id
    JOIN callwatch.error_groups AS groups ON groups.id = coalesce(merged.group_id, given.stored_id)
    GROUP BY groups.id ORDER BY groups.id
"""
_LOCK_LINKED = """
    SELECT id FROM callwatch.error_groups WHERE id = ANY (%s) ORDER BY id FOR UPDATE
"""
_LINKS = """
    SELECT group_id FROM callwatch.error_group_users WHERE user_hash = %s AND group_id > %s ORDER BY group_id LIMIT %s
"""
_LEFT = f"""
    SELECT DISTINCT coalesce(merged.group_id, stored.group_id) AS group_id
    FROM (SELECT group_id {_STORED} AND day >= %(day)s) AS stored
    LEFT JOIN callwatch.error_group_merges AS merged ON merged.merged_id = stored.group_id
"""
_UNLINK = "DELETE FROM callwatch.error_group_users WHERE user_hash = %s AND group_id = ANY (%s)"


class StoredRow(TypedDict):
    """An occurrence that may be the user's, and where its payload lies."""

    project_id: int
    environment: str
    event_id: str
    group_id: int
    payload_object: int | None
    payload_start: int | None
    payload_bytes: int | None


class _DayRow(TypedDict):
    day: date
    n: int


class _GroupRow(TypedDict):
    group_id: int


class _KnownRow(TypedDict):
    is_known: bool


def count_occurrences(conn: AnyConnection, user_hash: str) -> tuple[list[date], int | None]:
    """The days that have occurrences of a user, and how many; every day and None if counting takes too long."""
    execute(conn, "SAVEPOINT counting")
    try:
        with _by_user(conn):
            execute(conn, "SELECT set_config('statement_timeout', %s, true)", (str(_COUNT_MS),))
            rows = fetch_all(conn, _COUNT, {"user_hash": user_hash}, _DayRow)
        # This also restores the timeout.
        execute(conn, "ROLLBACK TO SAVEPOINT counting")
        return [row["day"] for row in rows], sum(row["n"] for row in rows)
    except QueryCanceled:
        execute(conn, "ROLLBACK TO SAVEPOINT counting")
        return [row["day"] for row in fetch_all(conn, _DAYS, (), _DayRow)], None


def is_known(conn: AnyConnection, user_hash: str) -> bool:
    """Whether a group or a message names the user."""
    row = fetch_one(conn, _IS_KNOWN, {"user_hash": user_hash}, _KnownRow)
    return row is not None and row["is_known"]


def lock_next(conn: AnyConnection, erasure: OpenErasure, progress: Progress, limit: int) -> list[StoredRow]:
    """Lock the next occurrences of the first day that is left, in the order of their places."""
    given: dict[str, object] = {
        **{name: erasure[name] for name in ("user_hash", "at")},
        "day": progress.days[0],
        "last_object": progress.last_object,
        "last_start": progress.last_start,
        "most": limit,
    }
    with _by_user(conn):
        return fetch_all(conn, _NEXT, given, StoredRow)


def erase_rows(conn: AnyConnection, day: date, rows: Sequence[StoredRow]) -> int:
    """Erase locked occurrences of a day but for their keys, with what users wrote about them; returns how many."""
    given = {
        "day": day,
        "project_ids": [row["project_id"] for row in rows],
        "environments": [row["environment"] for row in rows],
        "event_ids": [row["event_id"] for row in rows],
    }
    return execute(conn, _ERASE, given)


def note_erased(conn: AnyConnection, erasure: OpenErasure, counts: dict[int, int]) -> None:
    """Say in the history of groups how many of their occurrences were erased. counts: by the id that rows have."""
    given = {
        **{name: erasure[name] for name in ("actor", "reason")},
        "group_ids": list(counts),
        "counts": list(counts.values()),
    }
    execute(conn, _NOTE, given)


def unlink_user(conn: AnyConnection, erasure: OpenErasure) -> int | None:
    """Unlink a user from the next groups that have no occurrence of the user anymore; returns the last of them, None at the end.

    The groups stay locked until the caller commits: a digest that brings the user back links it after that.
    """
    linked = _list_groups(conn, _LINKS, (erasure["user_hash"], erasure["last_group"], LINKS_AT_ONCE))
    if linked:
        execute(conn, _LOCK_LINKED, (linked,))
        with _by_user(conn):
            given = {"user_hash": erasure["user_hash"], "day": erasure["at"].date() - _LATE}
            left = set(_list_groups(conn, _LEFT, given))
        execute(conn, _UNLINK, (erasure["user_hash"], [group_id for group_id in linked if group_id not in left]))
    return linked[-1] if len(linked) == LINKS_AT_ONCE else None


def _list_groups(conn: AnyConnection, query: str, given: Any) -> list[int]:
    return [row["group_id"] for row in fetch_all(conn, query, given, _GroupRow)]


@contextmanager
def _by_user(conn: AnyConnection) -> Iterator[None]:
    """Make the planner use the bloom filters: it expects that these skip nothing, and prefers any other way."""
    ways = ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan")
    for way in ways:
        execute(conn, f"SET LOCAL {way} = off")
    yield
    for way in ways:
        execute(conn, f"SET LOCAL {way} TO DEFAULT")
