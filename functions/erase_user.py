"""DELETE /api/errors: erases what is stored of one user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import ERASE_USER
from callwatch.reports.groups.group_fields import read_deletion_reason
from callwatch.reports.groups.user_erasure import erase_user
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.error_groups import UserErasure


def handle(request: Request, conn: AnyConnection) -> UserErasure:
    """Accept it; the monitor carries it out in parts, and a record keeps who asked for it and why."""
    return erase_user(conn, request.query.get("user_hash"), request.actor, read_deletion_reason(request))


lambda_handler = endpoint(ERASE_USER, transaction=True)(handle)
