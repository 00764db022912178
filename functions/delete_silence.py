"""DELETE /api/silences/{id}: ends a silence now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.silence_actions import delete_silence
from callwatch.api.http import Request
from callwatch.api.routes import DELETE_SILENCE
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """End it; the next evaluation notifies of what still fires."""
    delete_silence(conn, request.path_parameters["id"], request.actor)


lambda_handler = endpoint(DELETE_SILENCE, transaction=True)(handle)
