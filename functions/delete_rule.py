"""DELETE /api/rules/{id}: deletes an own rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.own_rules.changes import delete_rule
from callwatch.api.http import Request
from callwatch.api.routes import DELETE_RULE
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """Delete it; the next evaluation ends its alerts, and notifies the channels that were notified of them."""
    delete_rule(conn, request.path_parameters["id"], request.actor, get_settings())


lambda_handler = endpoint(DELETE_RULE, transaction=True)(handle)
