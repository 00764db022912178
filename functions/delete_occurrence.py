"""DELETE /api/errors/{id}/occurrences/{event_id}: erases one occurrence of an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import DELETE_OCCURRENCE
from callwatch.reports.groups.group_actions import delete_occurrence
from callwatch.reports.groups.group_fields import read_deletion_reason
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """Erase it; what was counted stays counted, and a record keeps who did it and why."""
    name, event_id = request.path_parameters["id"], request.path_parameters["event_id"]
    reason, now = read_deletion_reason(request), datetime.now(UTC)
    delete_occurrence(conn, name, event_id, request.actor, reason, now, get_settings().retention_days)


lambda_handler = endpoint(DELETE_OCCURRENCE, transaction=True)(handle)
