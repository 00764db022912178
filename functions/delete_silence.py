"""DELETE /api/silences/{id}: ends a silence now."""

from callwatch.alerts.act import delete_silence
from callwatch.db import connection
from callwatch.http import Request, Response
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> Response:
    """204; what still fires is notified at the next evaluation."""
    with connection(statement_timeout_ms=5000) as conn:
        delete_silence(conn, request.path_parameters["id"], request.actor)
        conn.commit()
    return Response(204)


lambda_handler = endpoint("admin")(handle)
