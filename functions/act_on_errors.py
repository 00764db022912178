"""POST /api/errors/bulk: one action on many error groups, with a result for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import ACT_ON_ERRORS
from callwatch.reports.groups.group_actions import act_on_many
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.error_groups import GroupResults


def handle(request: Request, conn: AnyConnection) -> GroupResults:
    """Apply the action to each group; one that fails is left as it was."""
    return act_on_many(conn, request.read_json(), request.actor, datetime.now(UTC))


lambda_handler = endpoint(ACT_ON_ERRORS, transaction=True)(handle)
