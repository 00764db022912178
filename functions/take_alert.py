"""POST /api/take/{token}: takes charge of an incident by the link in a message; GET shows the page with the button."""

from __future__ import annotations

from datetime import UTC, datetime

from callwatch.alerts.taking.by_link import check_link, load_linked, take_linked
from callwatch.alerts.taking.page import HEADERS, render_question, render_refusal, render_taken
from callwatch.api.http import Request, Response
from callwatch.api.routes import TAKE_ALERT
from callwatch.db import connection
from callwatch.exceptions import Conflict, NotFound
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(request: Request) -> Response[str]:
    """A GET changes nothing, since mail filters and chats open links by themselves."""
    settings, now = get_settings(), datetime.now(UTC)
    try:
        link = check_link(request.path_parameters["token"], settings, now)
        with connection(statement_timeout_ms=5000) as conn:
            if request.method != "POST":
                return Response(200, render_question(load_linked(conn, link)), HEADERS)
            subject = take_linked(conn, link, settings, now)
            conn.commit()
        return Response(200, render_taken(subject), HEADERS)
    except NotFound as error:
        return Response(404, render_refusal(str(error)), HEADERS)
    except Conflict as error:
        return Response(410 if error.code in ("link_ended", "link_used") else 409, render_refusal(str(error)), HEADERS)


lambda_handler = endpoint(TAKE_ALERT)(handle)
