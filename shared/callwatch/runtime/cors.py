"""Which pages of other origins may call (CORS): any for the Sentry protocol, those of CORS_ORIGINS for everything else.

Functions send these headers themselves. API Gateway's own CORS setting is one for the whole API, and replaces what functions
send (API Gateway developer guide, "Configure CORS for HTTP APIs"); so the template does not use it.
"""

import os
import re
from collections.abc import Mapping

from callwatch.api.http import Request, Response
from callwatch.api.routes import INGEST_CHECK_IN, INGEST_ENVELOPE, INGEST_VERCEL, Route
from callwatch.exceptions import NotFound

# An SDK must read when to send again, and why it was refused.
_INGEST_EXPOSED = "x-sentry-rate-limits, retry-after, x-sentry-error"
_EXPOSED = "x-request-id, x-response-time, etag, retry-after, x-sentry-error, x-sentry-rate-limits"
# What browsers' SDKs send, and what proxies between them and us are known to add.
_INGEST_PREFLIGHT: Mapping[str, str] = {
    "access-control-allow-methods": "POST, OPTIONS",
    "access-control-allow-headers": (
        "content-type, x-sentry-auth, x-requested-with, origin, accept, authentication, authorization, "
        "content-encoding, transfer-encoding, sentry-trace, baggage"
    ),
    "access-control-max-age": "3600",
}
_PREFLIGHT: Mapping[str, str] = {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
    "access-control-allow-headers": (
        "authorization, content-type, content-encoding, x-sentry-auth, mcp-protocol-version, if-none-match"
    ),
    "access-control-max-age": "600",
}
# The path of the Sentry protocol: projects are numbers, and no other route has one in that place.
_INGEST_PATH = re.compile(r"/api/(?!0/)([0-9]{1,9})/.+")


def build_headers(request: Request, path: str) -> dict[str, str]:
    """Return the headers that let the page of a request read the response; none for a page that may not.

    path: that of the route, with its variables.
    """
    origin = request.headers.get("origin", "")
    if _is_of_the_protocol(request, path):
        exposed = {"access-control-expose-headers": _INGEST_EXPOSED}
        listed = find_ingest_origins(request)
        if listed is None:
            return {"access-control-allow-origin": "*", **exposed}
        return {"vary": "origin", **({"access-control-allow-origin": origin, **exposed} if origin in listed else {})}
    if not _is_allowed(origin):
        return {}
    return {"access-control-allow-origin": origin, "vary": "origin", "access-control-expose-headers": _EXPOSED}


def answer_preflight(request: Request, route: Route[object, object]) -> Response[None]:
    """Answer the question of a browser, before it sends a request that a form could not send.

    Raises NotFound for an OPTIONS that is no such question: no route has that method.
    """
    origin = request.headers.get("origin", "")
    if _is_of_the_protocol(request, route.path):
        listed = find_ingest_origins(request)
        return Response(204, None, _INGEST_PREFLIGHT if listed is None or origin in listed else {})
    if not origin:
        raise NotFound("OPTIONS is answered to browsers alone, which send the header Origin")
    return Response(204, None, _PREFLIGHT if _is_allowed(origin) else {})


def find_ingest_origins(request: Request) -> tuple[str, ...] | None:
    """The origins whose pages may send to the project of a request; None for any."""
    found = _INGEST_PATH.fullmatch(request.path)
    if not found:
        return None
    # Read from the environment: a response about settings that cannot be used has these headers, too.
    entries = (entry.strip().partition(":") for entry in os.environ.get("INGEST_ORIGINS", "").split(","))
    return tuple(origin for project, _colon, origin in entries if project == str(int(found[1]))) or None


def _is_of_the_protocol(request: Request, path: str) -> bool:
    """Return whether a request is of the Sentry protocol; one function answers the preflights of all routes."""
    if request.method == "OPTIONS":
        return _INGEST_PATH.fullmatch(request.path) is not None
    return path in (INGEST_ENVELOPE.path, INGEST_CHECK_IN.path, INGEST_VERCEL.path)


def _is_allowed(origin: str) -> bool:
    allowed = os.environ.get("CORS_ORIGINS", "")
    return bool(origin) and origin in [entry.strip() for entry in allowed.split(",")]
