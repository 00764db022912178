"""DELETE /api/errors/{id}: deletes an error group and its occurrences for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import DELETE_ERROR
from callwatch.reports.groups.group_actions import delete
from callwatch.reports.groups.group_fields import read_deletion_reason
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """Delete the group; a record keeps who did it and why."""
    delete(conn, request.path_parameters["id"], request.actor, read_deletion_reason(request))


lambda_handler = endpoint(DELETE_ERROR, transaction=True)(handle)
