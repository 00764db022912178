"""GET /api/health: is the whole healthy; with a token, in full and with live probes."""

import os
from datetime import UTC, datetime
from typing import Any

from callwatch.http import Request, Response
from callwatch.reports.health import health
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import VERSION, memory, uptime_s
from callwatch.settings import get_settings

_DRAFT = "application/health+json"
_DRAFT_WORDS = {"healthy": "pass", "degraded": "warn", "unhealthy": "fail"}


def handle(request: Request) -> Response:
    """503 when unhealthy. `Accept: application/health+json` gives the form of the IETF draft."""
    is_whole = request.role in ("viewer", "admin")
    own = {"uptime": round(uptime_s(), 1), "memory": memory(), "region": os.environ.get("AWS_REGION"), "version": VERSION}
    answer = health(get_settings(), datetime.now(UTC), is_whole, own)
    code = 503 if answer["status"] == "unhealthy" else 200
    if _wants_draft(request.headers.get("accept", "")):
        return Response(code, _as_draft(answer), {"content-type": _DRAFT})
    return Response(code, answer)


def _wants_draft(accept: str) -> bool:
    return any(entry.partition(";")[0].strip().lower() == _DRAFT for entry in accept.split(","))


def _as_draft(answer: dict[str, Any]) -> dict[str, Any]:
    """draft-inadarei-api-health-check: status pass, warn or fail; checks by component and measurement.

    What is not known is left out, a status too.
    """
    checks = {}
    for name, service in answer["services"].items():
        entry: dict[str, Any] = {"componentType": "datastore" if name == "database" else "component"}
        if service["status"] in _DRAFT_WORDS:
            entry["status"] = _DRAFT_WORDS[service["status"]]
        if service["latency"] is not None:
            entry |= {"observedValue": service["latency"], "observedUnit": "ms"}
        if service["checked_at"] is not None:
            entry["time"] = service["checked_at"]
        if service.get("reason"):
            entry["output"] = service["reason"]
        checks[f"{name}:responseTime"] = [entry]
    status = _DRAFT_WORDS[answer["status"]]
    return {"status": status, "version": "1", "releaseId": VERSION, "description": "Callwatch", "checks": checks}


lambda_handler = endpoint(None)(handle)
