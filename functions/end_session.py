"""DELETE /api/session: signs out, of this session or with `?everywhere=yes` of all that the same token began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.filters import parse_choice
from callwatch.api.http import Request, Response
from callwatch.api.routes import END_SESSION
from callwatch.db import connection
from callwatch.exceptions import DatabaseSaturated, DatabaseUnavailable, Unavailable
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.responses import build_error
from callwatch.sessions.cookie import name_cookie, write_cookie
from callwatch.sessions.ends import end_all, end_session

if TYPE_CHECKING:
    from callwatch.models.role import SessionRole

_STATEMENT_TIMEOUT_MS = 5_000


def handle(request: Request) -> Response[object]:
    """The browser drops the cookie in any case; 503 says that a copy of it would still be a session."""
    is_everywhere = parse_choice("everywhere", request.query.get("everywhere", "no"), ("no", "yes")) == "yes"
    name = name_cookie(request.headers)
    headers = {"set-cookie": write_cookie(name, "", 0)} if name else {}
    role: SessionRole = "admin" if request.role == "admin" else "viewer"
    now = datetime.now(UTC)
    try:
        with connection(statement_timeout_ms=_STATEMENT_TIMEOUT_MS) as conn:
            if is_everywhere:
                end_all(conn, role, request.actor, now)
            elif request.session:
                end_session(conn, request.session.id, role, request.actor, now)
            conn.commit()
    except (DatabaseUnavailable, DatabaseSaturated):
        message = "the session could not be ended, only this browser has forgotten it; sign in and out again later"
        refused = build_error(Unavailable(message, code="database_unavailable", retry_after_s=5), request.request_id)
        return Response(refused.status, refused.body, {**refused.headers, **headers})
    return Response(204, None, headers)


lambda_handler = endpoint(END_SESSION)(handle)
