"""POST /api/errors/{id}/{action}: resolve, ignore, reopen, merge, unmerge, assign, comment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import ACT_ON_ERROR
from callwatch.reports.groups.group_actions import act
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.error_groups import ErrorGroupState


def handle(request: Request, conn: AnyConnection) -> ErrorGroupState:
    """Apply the action and return the group; its history keeps the actor and the reason."""
    given, parameters = request.read_json(), request.path_parameters
    group = act(conn, parameters["id"], parameters["action"], given, request.actor, datetime.now(UTC))
    return {**group, "unknown": explain_nulls(group)}


lambda_handler = endpoint(ACT_ON_ERROR, transaction=True)(handle)
