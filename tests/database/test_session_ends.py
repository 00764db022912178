"""Ends of sessions: of one, of all that a token began, and what holds while the database does not respond."""

from datetime import UTC, datetime, timedelta

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, execute, reset_pool
from callwatch.db.report_queries.session_ends import forget_ends
from callwatch.exceptions import Unavailable
from callwatch.models.role import CallerSession
from callwatch.sessions import ends
from callwatch.sessions.ends import KEPT_S, KnownEnds, check_session, end_all, end_session
from callwatch.settings import reset_settings

NOW = datetime(2031, 3, 9, 12, tzinfo=UTC)
FIRST = CallerSession("first", round(NOW.timestamp() * 1000) - 1)
SECOND = CallerSession("second", round(NOW.timestamp() * 1000) - 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [1000.0]
    monkeypatch.setattr(ends, "known_ends", KnownEnds(lambda: at[0]))
    return at


def ask(session: CallerSession, actor: str = "ana", method: str = "GET") -> str:
    found = check_session(Request(method, "/api/status", role="admin", actor=actor, session=session))
    assert (found.session is None) == (found.role == "none")
    return found.role


def test_one_session_ends_and_others_go_on(database: str, clock: list[float]) -> None:
    with connection() as conn:
        end_session(conn, FIRST.id, "admin", "ana", NOW)
        conn.commit()
    assert (ask(FIRST), ask(SECOND)) == ("none", "admin")


def test_all_sessions_of_a_name_end_at_once(database: str, clock: list[float]) -> None:
    with connection() as conn:
        end_all(conn, "admin", "ana", NOW)
        conn.commit()
    later = CallerSession("third", round(NOW.timestamp() * 1000) + 1)
    assert (ask(FIRST), ask(SECOND), ask(later), ask(FIRST, "bob")) == ("none", "none", "admin", "admin")


def test_an_end_counts_within_seconds(database: str, clock: list[float]) -> None:
    assert ask(FIRST) == "admin"
    with connection() as conn:
        end_session(conn, FIRST.id, "admin", "ana", NOW)
        conn.commit()
    clock[0] += KEPT_S
    assert ask(FIRST) == "none"


def test_ends_are_forgotten_when_no_session_can_last(database: str) -> None:
    with connection() as conn:
        end_session(conn, FIRST.id, "admin", "ana", NOW)
        forget_ends(conn, NOW + timedelta(days=6))
        assert execute(conn, "SELECT FROM callwatch.session_ends") == 1
        forget_ends(conn, NOW + timedelta(days=8))
        assert execute(conn, "SELECT FROM callwatch.session_ends") == 0


def test_without_the_database_a_session_only_reads(database: str, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    reset_settings()
    reset_pool()
    try:
        assert ask(FIRST) == "admin"
        assert ask(FIRST, method="DELETE") == "admin"
        for method in ("POST", "PUT", "PATCH"):
            with pytest.raises(Unavailable):
                ask(FIRST, method=method)
    finally:
        monkeypatch.undo()
        reset_settings()
        reset_pool()
