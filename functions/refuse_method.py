"""Every path below /api that has no route with this method: 405 where it has another one, else 404 as API Gateway answers."""

from __future__ import annotations

from callwatch.api.http import Request, Response
from callwatch.api.methods import list_methods
from callwatch.api.routes import INGEST_ENVELOPE, REFUSE_METHOD
from callwatch.exceptions import MethodNotAllowed
from callwatch.runtime.admission import is_ingest_path
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> Response[dict[str, str]]:
    """Name the methods of the path. Raises MethodNotAllowed."""
    methods = list_methods(request.path)
    _start, _api, project, proxy, *_rest = (*request.path.split("/", 3), "", "")
    if not methods and project.isascii() and project.isdigit() and is_ingest_path(proxy):
        methods = (INGEST_ENVELOPE.method,)
    if methods:
        raise MethodNotAllowed(", ".join(methods))
    return Response(404, {"message": "Not Found"})


lambda_handler = endpoint(REFUSE_METHOD)(handle)
