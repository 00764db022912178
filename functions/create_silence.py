"""POST /api/silences: mutes alerts for a time, with a reason."""

from datetime import UTC, datetime

from callwatch.alerts.act import create_silence
from callwatch.db import connection
from callwatch.http import Request, Response
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> Response:
    """201 with the silence."""
    given = request.json()
    with connection(statement_timeout_ms=5000) as conn:
        silence = create_silence(conn, given, request.actor, datetime.now(UTC))
        conn.commit()
    return Response(201, silence)


lambda_handler = endpoint("admin")(handle)
