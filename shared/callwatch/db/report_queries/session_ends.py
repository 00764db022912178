"""Sessions that ended before their time."""

from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_one

_ADD = """
    INSERT INTO callwatch.session_ends (session_id, role, actor, ended_at, forget_at)
    VALUES (%(session_id)s, %(role)s, %(actor)s, %(at)s, %(forget_at)s)
"""
_ENDED = """
    SELECT EXISTS (
        SELECT FROM callwatch.session_ends WHERE session_id = %(session_id)s
    ) OR EXISTS (
        SELECT FROM callwatch.session_ends
        WHERE session_id IS NULL AND role = %(role)s AND actor = %(actor)s AND ended_at >= %(issued_at)s
    ) AS is_ended
"""


class _Ended(TypedDict):
    is_ended: bool


def add_end(conn: AnyConnection, session_id: str | None, role: str, actor: str, at: datetime, lifetime_s: int) -> None:
    """Store the end of a session, or without an id of all that an actor began until then. The caller commits."""
    given = {"session_id": session_id, "role": role, "actor": actor, "at": at, "forget_at": at + timedelta(seconds=lifetime_s)}
    execute(conn, _ADD, given)


def has_ended(conn: AnyConnection, session_id: str, role: str, actor: str, issued_at: datetime) -> bool:
    """Whether a session was ended."""
    given = {"session_id": session_id, "role": role, "actor": actor, "issued_at": issued_at}
    found = fetch_one(conn, _ENDED, given, _Ended)
    return found is not None and found["is_ended"]


def forget_ends(conn: AnyConnection, now: datetime) -> None:
    """Delete the ends of sessions whose own time is over. The caller commits."""
    execute(conn, "DELETE FROM callwatch.session_ends WHERE forget_at < %s", (now,))
