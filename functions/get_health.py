"""GET /api/health: whether the system is healthy. With a token, the response is complete and probes run live.

Anonymous callers share one reading for a few seconds (docs/decisions/0038).
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_HEALTH
from callwatch.reports.health import build_health, build_reduced_health
from callwatch.reports.kept_reading import KeptReading
from callwatch.runtime.deployed_commit import deployed_commit
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import VERSION, current, describe_process
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callwatch.models.shapes.health import DraftCheck, DraftStatus, Health, HealthDraft, ServiceHealth

_DRAFT = "application/health+json"
# Anonymous callers of this execution environment share it.
_reduced: KeptReading[Health] = KeptReading()
_DRAFT_WORDS: Mapping[str, DraftStatus] = {"healthy": "pass", "degraded": "warn", "unhealthy": "fail"}


def handle(request: Request) -> Response[Health | HealthDraft]:
    """503 when unhealthy. `Accept: application/health+json` selects the format of the IETF draft."""
    answer = _read_whole() if request.role in ("viewer", "admin") else _read_reduced()
    status = 503 if answer["status"] == "unhealthy" else 200
    if _wants_draft(request.headers.get("accept", "")):
        return Response(status, _build_draft(answer), {"content-type": _DRAFT})
    return Response(status, answer)


def _read_whole() -> Health:
    settings = get_settings()
    deployed_commit.refresh(settings)
    read_commit = functools.partial(deployed_commit.get, settings)
    return build_health(settings, datetime.now(UTC), describe_process(), read_commit)


def _read_reduced() -> Health:
    settings = get_settings()
    # Only Lambda freezes a process between invocations.
    generation = current.count if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else 0
    return _reduced.get(lambda: build_reduced_health(settings, datetime.now(UTC)), settings, generation)


def _wants_draft(accept: str) -> bool:
    return any(entry.partition(";")[0].strip().lower() == _DRAFT for entry in accept.split(","))


def _build_draft(answer: Health) -> HealthDraft:
    """draft-inadarei-api-health-check: status pass, warn or fail; checks by component and measurement."""
    return {
        "status": _DRAFT_WORDS[answer["status"]],
        "version": "1",
        "releaseId": VERSION,
        "description": "Callwatch",
        "checks": {f"{name}:responseTime": [_build_check(name, service)] for name, service in answer["services"].items()},
    }


def _build_check(name: str, service: ServiceHealth) -> DraftCheck:
    """Describe one service; unknown values and statuses are left out."""
    check: DraftCheck = {"componentType": "datastore" if name == "database" else "component"}
    if service["status"] in _DRAFT_WORDS:
        check["status"] = _DRAFT_WORDS[service["status"]]
    if service["latency"] is not None:
        check["observedValue"] = service["latency"]
        check["observedUnit"] = "ms"
    if service["checked_at"] is not None:
        check["time"] = service["checked_at"]
    reason = service.get("reason")
    if reason:
        check["output"] = reason
    return check


lambda_handler = endpoint(GET_HEALTH)(handle)
