"""POST /api/session: exchanges a token for a session, which is a cookie that no script can read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from callwatch.api.credentials import read_bearer
from callwatch.api.http import Request, Response
from callwatch.api.routes import CREATE_SESSION
from callwatch.exceptions import Conflict, Forbidden, Unauthenticated
from callwatch.runtime.endpoint import endpoint
from callwatch.sessions.cookie import LIFETIME_S, begin_session, name_cookie, seal, write_cookie
from callwatch.times import from_ms

if TYPE_CHECKING:
    from callwatch.models.role import SessionRole
    from callwatch.models.shapes.reporting.session import SessionState

_ACCOUNT = "user:"


def handle(request: Request) -> Response[SessionState]:
    """The token comes in the header Authorization alone: a session cannot prolong itself."""
    token = read_bearer(request.headers.get("authorization", ""))
    if token is None or request.session is not None:
        raise Unauthenticated("send the token as `Authorization: Bearer <token>`", headers={"www-authenticate": "Bearer"})
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Forbidden("a session begins on the dashboard's own page")
    if request.actor.startswith(_ACCOUNT):
        raise Conflict("the sign-in with an account is its own session", code="session_of_account")
    name = name_cookie(request.headers)
    if name is None:
        message = "a session needs https, unless the page is on this machine: the token works without one"
        raise Conflict(message, code="session_needs_https")
    role: SessionRole = "admin" if request.role == "admin" else "viewer"
    session = begin_session(role, request.actor, round(time.time() * 1000))
    cookie = write_cookie(name, seal(session, token), LIFETIME_S[role])
    return Response(200, {"role": role, "actor": session.actor, "ends_at": from_ms(session.ends_ms)}, {"set-cookie": cookie})


lambda_handler = endpoint(CREATE_SESSION)(handle)
