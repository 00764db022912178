"""Ends of sessions before their time: one that signed out, or all of an actor at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from callwatch.api.http import Request
from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD
from callwatch.db.report_queries.session_ends import add_end, has_ended
from callwatch.exceptions import Unavailable
from callwatch.models.reason import DATABASE_UNAVAILABLE
from callwatch.sessions.cookie import LIFETIME_S
from callwatch.times import from_ms

if TYPE_CHECKING:
    from datetime import datetime

    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.role import CallerSession, SessionRole

    SessionState = Literal["open", "ended", "unread"]

# How long an execution environment goes on without asking again.
KEPT_S = 10.0
_MAX_KEPT = 1_000
_STATEMENT_TIMEOUT_MS = 1_000


class KnownEnds:
    """What one execution environment knows about sessions: which have ended, and when it last read that one had not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open_until: dict[str, float] = {}
        self._silent_until = 0.0

    def check(self, session: CallerSession, role: str, actor: str) -> SessionState:
        """Return whether a session goes on. unread: the database does not respond, so only time can have ended it."""
        now = self._clock()
        if now < self._open_until.get(session.id, 0.0):
            return "open"
        if now < self._silent_until:
            return "unread"
        try:
            with connection(statement_timeout_ms=_STATEMENT_TIMEOUT_MS) as conn:
                is_ended = has_ended(conn, session.id, role, actor, from_ms(session.issued_ms))
        except UNREAD:
            self._silent_until = self._clock() + KEPT_S
            return "unread"
        if is_ended:
            return "ended"
        if len(self._open_until) >= _MAX_KEPT:
            self._open_until.clear()
        self._open_until[session.id] = now + KEPT_S
        return "open"


known_ends = KnownEnds()


def check_session(request: Request) -> Request:
    """Return the request of a session, without a role if it was ended. Raises Unavailable for a change while that is unread."""
    session = request.session
    if session is None:
        return request
    state = known_ends.check(session, request.role, request.actor)
    if state == "ended":
        return replace(request, role="none", actor="anonymous", session=None, sign_in="expired")
    if state == "unread" and request.method in ("POST", "PUT", "PATCH"):
        raise Unavailable(DATABASE_UNAVAILABLE.message, code="database_unavailable", retry_after_s=5)
    return request


def end_session(conn: AnyConnection, session_id: str, role: SessionRole, actor: str, now: datetime) -> None:
    """End one session now. The caller commits."""
    add_end(conn, session_id, role, actor, now, LIFETIME_S[role])


def end_all(conn: AnyConnection, role: SessionRole, actor: str, now: datetime) -> None:
    """End all sessions that the token of this name and role has begun until now. The caller commits."""
    add_end(conn, None, role, actor, now, LIFETIME_S[role])
