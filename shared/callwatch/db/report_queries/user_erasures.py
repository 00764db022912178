"""The records of erasures of users: who asked for each and why, and how far it is."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.error_queries.group_deletions import DELETIONS_KEPT

_RECORD = "id, at, actor, reason, user_hash, found, erased, finished_at"
_LATEST = f"SELECT {_RECORD} FROM callwatch.user_erasures WHERE user_hash = %s ORDER BY id DESC LIMIT 1"
_ADD = f"""
    INSERT INTO callwatch.user_erasures (actor, reason, user_hash, found, days)
    VALUES (%(actor)s, %(reason)s, %(user_hash)s, %(found)s, %(days)s)
    ON CONFLICT (user_hash) WHERE finished_at IS NULL DO NOTHING RETURNING {_RECORD}
"""
_OPEN = "SELECT id FROM callwatch.user_erasures WHERE finished_at IS NULL ORDER BY id LIMIT %s"
_LOCK_OPEN = """
    SELECT id, at, actor, reason, user_hash, days, last_object, last_start, last_archived, last_group FROM callwatch.user_erasures
    WHERE id = %s AND finished_at IS NULL FOR UPDATE SKIP LOCKED
"""
_ADVANCE = """
    UPDATE callwatch.user_erasures SET erased = erased + %(erased)s, days = %(days)s, last_object = %(last_object)s,
        last_start = %(last_start)s
    WHERE id = %(id)s
"""
_ADVANCE_ARCHIVE = "UPDATE callwatch.user_erasures SET last_archived = %s, erased = erased + %s WHERE id = %s"
_ADVANCE_LINKS = "UPDATE callwatch.user_erasures SET last_group = %s WHERE id = %s"
_UNSAY = "DELETE FROM callwatch.user_feedback WHERE user_hash = %s AND at <= %s"
_FINISH = "UPDATE callwatch.user_erasures SET finished_at = clock_timestamp() WHERE id = %s"
_FORGET = "DELETE FROM callwatch.user_erasures WHERE finished_at IS NOT NULL AND at < %s"


class ErasureRow(TypedDict):
    """The record of an erasure. found: None if counting took too long."""

    id: int
    at: datetime
    actor: str
    reason: str | None
    user_hash: str
    found: int | None
    erased: int
    finished_at: datetime | None


class OpenErasure(TypedDict):
    """An erasure that goes on. days: those that are left; last_*: the place up to which the first day, or the links, are done.

    last_archived: the object up to which the archive was searched; None: it was searched as a whole.
    """

    id: int
    at: datetime
    actor: str
    reason: str | None
    user_hash: str
    days: list[date]
    last_object: int
    last_start: int
    last_archived: int | None
    last_group: int


class Progress(NamedTuple):
    """How far an erasure is: the days that are left, and the place up to which the first of them is done."""

    days: Sequence[date]
    last_object: int
    last_start: int


class _IdRow(TypedDict):
    id: int


def find_latest(conn: AnyConnection, user_hash: str) -> ErasureRow | None:
    """The latest erasure of a user that is recorded."""
    return fetch_one(conn, _LATEST, (user_hash,), ErasureRow)


def add_erasure(
    conn: AnyConnection, user_hash: str, days: Sequence[date], found: int | None, actor: str, reason: str | None
) -> ErasureRow | None:
    """Record an erasure; None if another of this user is open. The caller commits."""
    given = {"user_hash": user_hash, "days": list(days), "found": found, "actor": actor, "reason": reason}
    return fetch_one(conn, _ADD, given, ErasureRow)


def list_open(conn: AnyConnection, limit: int) -> list[int]:
    """Ids of erasures that go on, oldest first."""
    return [row["id"] for row in fetch_all(conn, _OPEN, (limit,), _IdRow)]


def lock_open(conn: AnyConnection, erasure_id: int) -> OpenErasure | None:
    """Lock an erasure; None if it is finished or locked."""
    return fetch_one(conn, _LOCK_OPEN, (erasure_id,), OpenErasure)


def advance(conn: AnyConnection, erasure_id: int, progress: Progress, erased: int) -> None:
    """Record how far an erasure is. The caller commits."""
    given = {**progress._asdict(), "days": list(progress.days), "id": erasure_id, "erased": erased}
    execute(conn, _ADVANCE, given)


def advance_archive(conn: AnyConnection, erasure_id: int, last: int | None, erased: int) -> None:
    """Record up to which object the archive was searched; None: the last one. The caller commits."""
    execute(conn, _ADVANCE_ARCHIVE, (last, erased, erasure_id))


def advance_links(conn: AnyConnection, erasure_id: int, last_group: int) -> None:
    """Record up to which group the user is unlinked. The caller commits."""
    execute(conn, _ADVANCE_LINKS, (last_group, erasure_id))


def finish_erasure(conn: AnyConnection, erasure: OpenErasure) -> None:
    """Delete what the user wrote, and mark the erasure as finished. The caller commits."""
    execute(conn, _UNSAY, (erasure["user_hash"], erasure["at"]))
    execute(conn, _FINISH, (erasure["id"],))


def forget_erasures(conn: AnyConnection, now: datetime) -> None:
    """Delete old records of erasures. The caller commits."""
    execute(conn, _FORGET, (now - DELETIONS_KEPT,))
